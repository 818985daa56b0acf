/**
 * Whether an image was generalised by Sysprep, read from its hives without running it. "Windows Setup States"
 * (Microsoft) names the states: they stand in the registry and, as a copy, in Windows\Setup\State\State.ini.
 */
import { readFileSync } from "node:fs";
import type { WimEdition } from "../../../contract/administration.ts";
import { parseValues, type RegistryValue } from "../../../windows/registry-values.ts";
import { runTool } from "../tools.ts";
import { extract, findInAnyCase, type WimImage } from "./wimlib.ts";

interface Work {
  /** Of the caller's own; what is looked at goes there. */
  folder: string;
  signal: AbortSignal;
}

/** Throws E_TOOL_MISSING, E_TOOL_FAILED, E_CANCELLED. What the image does not have counts as unknown. */
export async function sysprepState(image: WimImage, work: Work): Promise<WimEdition["sysprep"]> {
  const config = "/Windows/System32/config";
  await extract(image, [`${config}/SOFTWARE`, `${config}/SYSTEM`, "/Windows/Setup/State/State.ini"], work);
  const setup = await readKey(work, "SOFTWARE", "Microsoft\\Windows\\CurrentVersion\\Setup\\State");
  const status = await readKey(work, "SYSTEM", "Setup\\Status\\SysprepStatus");
  const state = setup.get("imagestate")?.data ?? stateOfFile(work);
  return judge(state, status.get("generalizationstate")?.data);
}

/** `generalization`: 7 before and after Sysprep, another number while it is at work or when it has failed. */
export function judge(state: string | undefined, generalization: string | undefined): WimEdition["sysprep"] {
  if (generalization !== undefined && generalization !== "7") return "not generalised";
  if (state === undefined || state === "") return "unknown";
  return state.startsWith("IMAGE_STATE_GENERALIZE_") ? "generalised" : "not generalised";
}

/** Empty when there is no such hive or key. */
async function readKey(
  { folder, signal }: Work,
  hive: string,
  key: string,
): Promise<Map<string, RegistryValue>> {
  const path = findInAnyCase(folder, hive);
  if (path === null) return new Map();
  const { exitCode, output } = await runTool("hivexget", [path, `\\${key}`], signal);
  return exitCode === 0 ? parseValues(output) : new Map();
}

function stateOfFile({ folder }: Work): string | undefined {
  const path = findInAnyCase(folder, "State.ini");
  if (path === null) return undefined;
  const bytes = readFileSync(path);
  const text = bytes[0] === 0xff ? bytes.toString("utf16le") : bytes.toString("latin1");
  return /^\s*ImageState\s*=\s*"?(\w+)/im.exec(text)?.[1];
}
