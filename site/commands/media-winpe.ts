/** volley media build --winpe */
import { resolve } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { buildWinpe, type WinpeForm, type WinpeOptions } from "../boot/winpe.ts";
import type { WinpeDescription } from "../boot/winpe-texts.ts";
import { text, texts, type Command, type CommandCall } from "./command.ts";
import { number } from "./numbers.ts";

export const winpeOptions: Command["options"] = {
  winpe: {
    type: "string",
    value: "FILE",
    help: "Your own boot.wim, of the ADK or of Windows' media: makes a Windows PE of it. The file is not changed.",
  },
  index: { type: "string", value: "N", help: "Which of its images (the one that starts)." },
  drivers: {
    type: "string",
    value: "DIR",
    help: "Drivers (.inf, in folders of their own) that it loads at start.",
  },
  "boot-manager": {
    type: "string",
    value: "YEAR",
    help: "Signed with Microsoft's certificate of 2011 or 2023 (2023 where the image has it).",
  },
  "boot-sdi": { type: "string", value: "FILE", help: "boot.sdi of the ADK, for an image without one." },
  adk: {
    type: "string",
    value: "DIR",
    help: "Folder with boot.sdi, etfsboot.com and efisys.bin of the ADK, for an image without them.",
  },
  wimboot: { type: "string", value: "FILE", help: "wimboot, so that iPXE fetches the image by HTTP." },
  form: {
    type: "string",
    multiple: true,
    value: "FORM",
    help: "iso or usb: made besides the files for the network, or an error; may be repeated (what can be made).",
  },
};

/** Throws E_USAGE. */
export function checkWinpeOptions(call: CommandCall): void {
  const isWinpe = text(call, "winpe") !== undefined;
  const idle = Object.keys(winpeOptions).find((name) => name !== "winpe" && call.values[name] !== undefined);
  if (!isWinpe && idle !== undefined) {
    throw new VolleyError("E_USAGE", `--${idle} means nothing without --winpe.`);
  }
  if (isWinpe && call.values["package"] !== undefined) {
    throw new VolleyError("E_USAGE", "--package is for a Linux PE; a Windows PE takes --drivers.");
  }
  formsIn(call);
  yearIn(call);
}

function formsIn(call: CommandCall): WinpeForm[] | null {
  const given = texts(call, "form");
  const forms = given.filter((form) => form === "iso" || form === "usb");
  const wrong = given.find((form) => form !== "iso" && form !== "usb");
  if (wrong !== undefined) throw new VolleyError("E_USAGE", `--form is iso or usb, not "${wrong}".`);
  return forms.length === 0 ? null : forms;
}

function yearIn(call: CommandCall): "2011" | "2023" | null {
  const given = text(call, "boot-manager") ?? null;
  if (given === null || given === "2011" || given === "2023") return given;
  throw new VolleyError("E_USAGE", `--boot-manager is 2011 or 2023, not "${given}".`);
}

type Given = "wim" | "index" | "drivers" | "bootManager" | "bootSdi" | "adk" | "wimboot" | "forms";

export function buildWinpeBy(
  call: CommandCall,
  contents: Omit<WinpeOptions, Given>,
): Promise<WinpeDescription> {
  const path = (name: string): string | null => {
    const given = text(call, name);
    return given === undefined ? null : resolve(given);
  };
  return buildWinpe({
    ...contents,
    wim: path("winpe") ?? "",
    index: number(call, "index", { least: 1, most: limits.wimImagesMost, whole: true }) ?? null,
    drivers: path("drivers"),
    bootManager: yearIn(call),
    bootSdi: path("boot-sdi"),
    adk: path("adk"),
    wimboot: path("wimboot"),
    forms: formsIn(call),
  });
}
