/**
 * Where smsts.log is in each phase ("Log files", operating system deployment, Configuration Manager). In the full system that is
 * where it is without the client: CCM\Logs is the folder of Configuration Manager's own.
 */
import { join } from "node:path";

export interface LogPhase {
  system: "winpe" | "windows" | "linuxpe" | "linux";
  /** The agent's own folder, which holds the log where there are no documented places. */
  stateFolder: string;
  /** Windows PE: a disk of the machine has a formatted volume, with this letter ("C:"); null before that. */
  dataDrive: string | null;
}

export function logFolder(phase: LogPhase): string {
  switch (phase.system) {
    case "linux":
    case "linuxpe":
      return join(phase.stateFolder, "logs");
    case "winpe":
      return phase.dataDrive === null
        ? "X:\\Windows\\temp\\smstslog"
        : `${phase.dataDrive}\\_SMSTaskSequence\\Logs\\smstslog`;
    case "windows":
      return `${phase.dataDrive ?? "C:"}\\_SMSTaskSequence\\Logs\\smstslog`;
  }
}
