/** What the conditions of a sequence look at on this machine. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import type { SequenceMachine } from "../platform/sequence-machine.ts";
import { findPath, lookAtPath } from "../platform/windows-paths.ts";
import type { ConditionWorld } from "../sequence/conditions/evaluate.ts";
import type { SequenceEnvironment } from "../sequence/environment.ts";

/** `work`: where steps mount the volumes that a sequence gives letters to. */
export function conditionWorld(
  variables: SequenceEnvironment,
  machine: SequenceMachine,
  work: string,
): ConditionWorld {
  const volume = async (letter: string): Promise<string | null> => volumeFolder(variables, work, letter);
  return {
    variables,
    files: { look: (path) => lookAtPath(path, { volume }) },
    registry: machine.registry(async () => {
      const drive = variables.get("OSDTargetSystemDrive") || variables.get("_OSDDetectedWinDrive") || "C:";
      const letter = drive.slice(0, 1).toUpperCase();
      return (await volume(letter)) === null ? null : findPath(`${letter}:\\Windows`, { volume });
    }),
    wmi: { rows: (className) => machine.wmiRows(className) },
  };
}

/** Rejects with E_CONDITION for a volume that has a letter and is not mounted: nobody knows then what is on it. */
function volumeFolder(variables: SequenceEnvironment, work: string, letter: string): string | null {
  const share = variables.get(`_VolleyShare${letter}`);
  if (share !== "") return share;
  if (variables.get(`_VolleyVolume${letter}`) === "") return null;
  const folder = join(work, "volumes", letter.toLowerCase());
  if (!isMountPoint(folder)) {
    throw new VolleyError("E_CONDITION", `The volume of ${letter}: is not mounted`);
  }
  return folder;
}

function isMountPoint(folder: string): boolean {
  try {
    return statSync(folder).dev !== statSync(dirname(folder)).dev;
  } catch {
    return false;
  }
}
