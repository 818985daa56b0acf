/** Task sequences by what people call them. */
import { VolleyError } from "../../contract/errors.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";

/** By name, which is its latest version, by name and version as "lab@2", or by identifier. Throws E_NOT_FOUND. */
export async function findSequence(client: SiteClient, name: string): Promise<SequenceRecord> {
  const sequences = await client.get<SequenceRecord[]>("/sequences?versions=all");
  const sequence =
    sequences.find((one) => one.name === name && one.latest) ??
    sequences.find((one) => `${one.name}@${one.version}` === name || one.id === name);
  if (!sequence) throw new VolleyError("E_NOT_FOUND", `There is no task sequence ${name}.`);
  return sequence;
}
