/** Whether the toolkit's deployment wants BitLocker at all: "BDEInstallSuppress", which its script reads first. */
import type { StepContext } from "../step.ts";

/** "NO: the deployment process attempts to install BitLocker." Without it the toolkit's script does nothing. */
export function wantsBitLocker({ variables }: StepContext): boolean {
  return /^no$/i.test(variables.get("BDEInstallSuppress")) || /^true$/i.test(variables.get("IsBDE"));
}

export const notWanted = "BDEInstallSuppress is not NO: the toolkit's deployment wants no BitLocker";
