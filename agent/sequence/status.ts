/**
 * What the site is told of a running sequence, in Configuration Manager's status messages
 * (SMS_TaskSequenceExecutionStatus): its numbers, and the texts its reports look for.
 */
export interface SequenceStatus {
  messageId: number;
  messageName: string;
  /** 0 for the sequence itself, else the instruction's place from 1. */
  step: number;
  /** Name of the group it is in; empty at the top. */
  group: string;
  action: string;
  /** 32 bits without sign. */
  exitCode: number;
  /** The last of what the step printed, or the sentence it ended with. */
  output: string;
}

const engine = "The task sequence execution engine";
export const statusMessages = {
  groupStarted: [11_124, `${engine} started the group`],
  groupCompleted: [11_127, `${engine} successfully completed the group`],
  disabledActionSkipped: [11_128, `${engine} skipped the disabled action`],
  disabledGroupSkipped: [11_129, `${engine} skipped the disabled group`],
  actionSkipped: [11_130, `${engine} skipped the action because the condition was evaluated to be false`],
  groupSkipped: [11_131, `${engine} skipped the group because the condition was evaluated to be false`],
  actionNotForSystem: [11_132, `${engine} skipped the action because it is not for the running system`],
  actionCompleted: [11_134, `${engine} successfully completed an action`],
  /** Of a group, too, as the next one: there is no other that says how one ended that did not succeed. */
  actionFailed: [11_135, `${engine} failed executing an action`],
  failureIgnored: [11_138, `${engine} ignored execution failure of an action`],
  started: [11_140, `${engine} started execution of a task sequence`],
  failed: [11_141, `${engine} failed execution of a task sequence`],
  restart: [11_142, `${engine} performed a system reboot initiated by the action`],
  completed: [11_143, `${engine} successfully completed a task sequence`],
  /** In a PE, where no client is installed. */
  startedWithoutClient: [11_144, `${engine} from a non-client started execution of a task sequence`],
  /** "A version of Windows that doesn't support the specified algorithm": BitLocker's steps. */
  defaultEncryptionMethod: [11_911, `${engine} used the default encryption method of the operating system`],
  /** "If … the device doesn't have a functional TPM": Enable BitLocker that is set to be skipped then. */
  skippedWithoutTpm: [11_912, `${engine} skipped the action because the computer has no functional TPM`],
} as const;

export type StatusMessage = keyof typeof statusMessages;
