/** Words of a command line into options; what is wrong with them is E_USAGE. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { VolleyError } from "../../contract/errors.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Throws E_USAGE for what is not among the options, and for any other word. */
export function parseOptions<const Known extends Options>(words: readonly string[], options: Known) {
  try {
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw usage((error as Error).message);
  }
}

/** As parseOptions, with words that are no options beside them. */
export function parseWordsAndOptions<const Known extends Options>(words: readonly string[], options: Known) {
  try {
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

export function usage(detail: string): VolleyError {
  return new VolleyError("E_USAGE", detail);
}
