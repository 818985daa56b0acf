/** What a site answers computers that boot from the network, in words. */
import type { PxeAsked, PxeStatus } from "../../../contract/pxe.ts";

export const answerTexts: Record<PxeAsked["answer"], string> = {
  boot: "boots",
  prompt: "is asked",
  hold: "waits for approval",
  local: "starts its own disk",
};

export function servingText({ serving }: PxeStatus): string {
  if (serving === null) return "Not served: the site runs without --pxe.";
  if (serving.failure !== null) return serving.failure;
  const places = serving.interfaces.map(
    ({ address, mode, name }) =>
      `${name} (${address}) as ${mode === "server" ? "DHCP server" : "proxyDHCP beside another server"}`,
  );
  return `Served on ${places.join(", ")}`;
}

/** With commas, spaces or new lines between. */
export function listOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((one) => one !== "");
}
