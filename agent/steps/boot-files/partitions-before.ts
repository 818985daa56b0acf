/** Which partitions this computer's disks had before the sequence made others: boot entries that led there go. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { entriesThatLead, removeStaleEntries } from "../../platform/windows/firmware-entries.ts";
import type { WindowsTools } from "../../platform/windows/tools.ts";
import { setOutput, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { isLinux } from "../volumes.ts";

/** Identifiers in lower case, with blanks between: of partitions, and in braces of the firmware's entries. */
const variable = "_VolleyPartitionsBefore";
/** The same in the step's own folder: variables are kept once a step has ended, and by then the table is another. */
const file = "partitions-before";

/** Before the table of `disk` is written; in Windows PE the firmware's entries say themselves that they lead somewhere. */
export async function notePartitions(context: StepContext, disk: string): Promise<void> {
  const found = isLinux(context)
    ? await identifiersOf(context, disk)
    : await entriesThatLead(windowsToolsOf(context));
  const path = context.services?.folders === undefined ? null : join(await workFolder(context), file);
  const kept = path === null ? "" : await readFile(path, "utf8").catch(() => "");
  const noted = [...new Set([...partitionsNoted(context), ...wordsOf(kept), ...found])].join(" ");
  if (noted === "") return;
  setOutput(context, variable, noted);
  if (path !== null) await writeFile(path, noted);
}

/** A disk without a GPT has none. */
async function identifiersOf(context: StepContext, disk: string): Promise<string[]> {
  const { exitCode, output } = await context.tools.run({ command: ["sfdisk", "--json", disk] });
  if (exitCode !== 0) return [];
  return [...output.matchAll(/"uuid":\s*"([0-9a-f-]{36})"/gi)].map(([, guid = ""]) => guid.toLowerCase());
}

export function partitionsNoted({ variables }: StepContext): string[] {
  return wordsOf(variables.get(variable));
}

const wordsOf = (text: string): string[] => text.split(" ").filter((word) => word !== "");

/** In Windows PE, once the new Windows has its entry. */
export async function removeEntriesBefore(context: StepContext): Promise<void> {
  const done = await removeStaleEntries(partitionsNoted(context), windowsToolsOf(context));
  for (const text of done) context.log.info(text);
}

function windowsToolsOf({ tools }: StepContext): WindowsTools {
  return {
    path: (program) => program,
    async run(command) {
      try {
        const { exitCode, output } = await tools.run({ command });
        return exitCode === 0 ? output : null;
      } catch (error) {
        if (error instanceof VolleyError && error.code === "E_TOOL_MISSING") return null;
        throw error;
      }
    },
  };
}
