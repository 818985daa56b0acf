/** What a site answers computers that boot from the network, in words. */
import type { PxeAsked, PxeProperties, PxeStatus } from "../../../contract/pxe.ts";

export const answerTexts: Record<PxeAsked["answer"], string> = {
  boot: "boots",
  prompt: "is asked",
  hold: "waits for approval",
  local: "starts its own disk",
};

export const unknownTexts: Record<PxeProperties["unknown"], string> = {
  hold: "wait for approval",
  ignore: "get no answer",
  answer: "are answered",
};

export const loaderTexts: Record<PxeProperties["uefiLoader"], string> = {
  signed: "the signed chain, for Secure Boot",
  ipxe: "iPXE, which is faster",
};

export const bootImageTexts: Record<PxeProperties["bootImage"], string> = {
  linux: "Linux PE",
  winpe: "Windows PE",
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
