/** Which partitions this computer's disks had before the sequence made others: boot entries that led there go. */
import { setOutput } from "../step-kind.ts";
import type { StepContext } from "../step.ts";

/** Identifiers in lower case, with blanks between. */
const variable = "_VolleyPartitionsBefore";

/** Before the table of `disk` is written. A disk without a GPT has nothing to note. */
export async function notePartitions(context: StepContext, disk: string): Promise<void> {
  const { exitCode, output } = await context.tools.run({ command: ["sfdisk", "--json", disk] });
  if (exitCode !== 0) return;
  const found = [...output.matchAll(/"uuid":\s*"([0-9a-f-]{36})"/gi)].map(([, guid = ""]) =>
    guid.toLowerCase(),
  );
  setOutput(context, variable, [...new Set([...partitionsNoted(context), ...found])].join(" "));
}

export function partitionsNoted({ variables }: StepContext): string[] {
  return variables
    .get(variable)
    .split(" ")
    .filter((guid) => guid !== "");
}
