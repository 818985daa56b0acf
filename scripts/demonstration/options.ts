/** What was typed after `scripts/demo`. */
import { parseArgs } from "node:util";
import { VolleyError } from "../../contract/errors.ts";

export interface DemoOptions {
  /** A file, or null for the image that scripts/make-demo-image makes. */
  image: string | null;
  clients: number;
  keep: boolean;
  disksFolder: string | null;
  jsonFile: string | null;
}

const clientsMost = 64;

/** Throws E_USAGE. */
export function parseOptions(words: string[]): DemoOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: words,
      options: {
        image: { type: "string" },
        clients: { type: "string", default: "4" },
        keep: { type: "boolean", default: false },
        disks: { type: "string" },
        json: { type: "string" },
      },
    }));
  } catch (error) {
    throw new VolleyError("E_USAGE", error instanceof Error ? error.message : String(error));
  }
  const clients = Number(values.clients);
  if (!Number.isInteger(clients) || clients < 1 || clients > clientsMost) {
    const given = `"${values.clients}"`;
    throw new VolleyError(
      "E_USAGE",
      `--clients takes a whole number from 1 to ${clientsMost}, not ${given}.`,
    );
  }
  return {
    image: values.image ?? null,
    clients,
    keep: values.keep,
    disksFolder: values.disks ?? null,
    jsonFile: values.json ?? null,
  };
}
