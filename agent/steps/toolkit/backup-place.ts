/** Where the toolkit's properties have the image of a computer put. */
import type { StepContext } from "../step.ts";

/** "ComputerBackupLocation": a path, or NETWORK for BackupDir on BackupShare. Empty: the site has it. */
export function backupFolder({ variables }: StepContext): string {
  const location = variables.get("ComputerBackupLocation");
  if (!/^(network|auto|none|)$/i.test(location)) return location;
  const [share, folder] = [variables.get("BackupShare"), variables.get("BackupDir")];
  if (share !== "") return folder === "" ? share : `${share}\\${folder}`;
  return /^([A-Za-z]:|\\\\)/.test(folder) ? folder : "";
}

export const backupFile = ({ variables }: StepContext): string =>
  variables.get("BackupFile") || `${variables.get("OSDComputerName") || "image"}.wim`;
