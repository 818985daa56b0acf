/** Conditions on files and folders: existence, version, time of the last change (in UTC). */
import { VolleyError } from "../../../contract/errors.ts";
import type { Comparison, Condition } from "../tree.ts";
import { compareVersions, orderHolds, parseTime } from "./compare.ts";

export interface FileLook {
  /**
   * Null when there is nothing at `path`, as the sequence writes it ("C:\\Windows\\x.dll"). Rejects with E_CONDITION
   * where nobody knows what its drive is.
   */
  look(path: string): Promise<FoundFile | null>;
}
export interface FoundFile {
  kind: "file" | "folder";
  /** Milliseconds since 1970. */
  modifiedMs: number;
  /** Of its version resource, "10.0.19041.1"; null when it has none. */
  version(): Promise<string | null>;
}

type FileCondition = Extract<Condition, { kind: "file" | "folder" }>;

export async function fileHolds(
  condition: FileCondition,
  files: FileLook,
  expand: (text: string) => string,
): Promise<boolean> {
  const path = expand(condition.path).trim();
  if (path === "") throw new VolleyError("E_CONDITION", `A ${condition.kind} condition names no path`);
  const found = await files.look(path);
  if (found === null || found.kind !== condition.kind) return false;
  if (condition.dateTime !== null && !timeHolds(found.modifiedMs, condition.dateTime)) return false;
  if (condition.kind === "folder" || condition.version === null) return true;
  const version = await found.version();
  return (
    version !== null &&
    orderHolds(condition.version.operator, compareVersions(version, expand(condition.version.value)))
  );
}

/** Files keep parts of a second that conditions cannot name. */
function timeHolds(modifiedMs: number, { operator, value }: Comparison): boolean {
  const wanted = parseTime(value);
  return orderHolds(operator, Math.floor(modifiedMs / 1000) - Math.floor(wanted / 1000));
}
