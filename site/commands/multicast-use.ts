/** How images and packages are said to reach machines: by which ways, and whether encrypted. */
import { MulticastUse } from "../../contract/common.ts";
import { VolleyError } from "../../contract/errors.ts";
import { text, type CommandCall } from "./command.ts";

export const multicastOption = (otherwise: string) =>
  ({
    type: "string",
    value: "USE",
    help: `Whether it is cast: no, allowed, or only. Without it: ${otherwise}.`,
  }) as const;

export function multicastOf(call: CommandCall): MulticastUse | undefined {
  const use = text(call, "multicast");
  return use === undefined ? undefined : multicastUse(use);
}

/** Throws E_USAGE. */
export function multicastUse(word: string): MulticastUse {
  const parsed = MulticastUse.safeParse(word);
  if (parsed.success) return parsed.data;
  throw new VolleyError("E_USAGE", `${word} is none of ${MulticastUse.options.join(", ")}.`);
}

export function multicastText(use: MulticastUse): string {
  const texts = {
    no: "no multicast",
    allowed: "multicast, and unicast for the rest",
    only: "multicast only",
  };
  return texts[use];
}

export const encryptOption = {
  type: "boolean",
  help: "It is cast encrypted: nobody but the machines it is for can read it.",
} as const;

export function encryptText(encrypt: boolean): string {
  return encrypt ? "encrypted" : "without encryption";
}
