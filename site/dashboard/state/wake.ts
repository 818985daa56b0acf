/** Wake-on-LAN: nothing answers, so what is told is what was sent. */
import type { WakeAnswer } from "../../../contract/wake.ts";
import { countIsText, namesText } from "../../quantities.ts";
import { ask } from "./site.ts";

export async function wake(address: string, body: object): Promise<string> {
  const { interfaces, withoutMac, woken } = await ask<WakeAnswer>("POST", address, body);
  const names = withoutMac.map(({ name }) => name);
  const without = names.length > 0 ? ` No MAC is known of ${namesText(names)}.` : "";
  return `${countIsText(woken, "device")} woken, by ${interfaces.join(", ")}.${without}`;
}
