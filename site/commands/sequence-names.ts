/** Task sequences by what people call them. */
import { VolleyError } from "../../contract/errors.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";

/** By name or identifier. Throws E_NOT_FOUND. */
export async function findSequence(client: SiteClient, name: string): Promise<SequenceRecord> {
  const sequences = await client.get<SequenceRecord[]>("/sequences");
  const sequence = sequences.find((one) => one.name === name || one.id === name);
  if (!sequence) throw new VolleyError("E_NOT_FOUND", `There is no task sequence ${name}.`);
  return sequence;
}
