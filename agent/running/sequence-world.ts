/** What the conditions of a sequence look at on this machine. */
import type { SequenceMachine } from "../platform/sequence-machine.ts";
import { findPath, lookAtPath } from "../platform/windows-paths.ts";
import type { ConditionWorld } from "../sequence/conditions/evaluate.ts";
import type { SequenceEnvironment } from "../sequence/environment.ts";
import { ConditionVolumes, type ConditionVolumesOptions } from "./condition-volumes.ts";

export interface ConditionWorldOptions extends ConditionVolumesOptions {
  variables: SequenceEnvironment;
  machine: SequenceMachine;
}

export function conditionWorld(options: ConditionWorldOptions): ConditionWorld {
  const { machine, variables } = options;
  const volumes = new ConditionVolumes(options);
  const volume = (letter: string): Promise<string | null> => volumes.folderOf(letter);
  return {
    variables,
    files: { look: (path) => lookAtPath(path, { volume }) },
    registry: machine.registry(async () => {
      const drive = variables.get("OSDTargetSystemDrive") || variables.get("_OSDDetectedWinDrive") || "C:";
      const letter = drive.slice(0, 1).toUpperCase();
      return (await volume(letter)) === null ? null : findPath(`${letter}:\\Windows`, { volume });
    }),
    wmi: {
      rows: (className) => machine.wmiRows(className),
      ask: async (namespace, query) => (await machine.askWmi?.(namespace, query)) ?? null,
    },
    release: () => volumes.release(),
  };
}
