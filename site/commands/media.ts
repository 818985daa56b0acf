/** volley media build */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CredentialAnswer } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { fingerprintOf } from "../authority/certificates.ts";
import { buildMedia } from "../boot/media.ts";
import { ownFile } from "../own-files.ts";
import { siteFiles } from "../options.ts";
import { bytesText, countText } from "../quantities.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { buildWinpeBy, checkWinpeOptions, winpeOptions } from "./media-winpe.ts";
import { placeOf } from "./database.ts";
import { number } from "./numbers.ts";
import { printJson, printLine, printTable } from "./output.ts";

const defaultUses = 1000;
const defaultHours = 30 * 24;
/** Where scripts/package puts them, from the root of the sources. */
const packagedAgent = "build/package/volley-agent";
const packagedWindowsAgent = "build/package/volley-agent.exe";

/** https://HOST:PORT without anything that a shell or a boot loader would read otherwise. Throws E_USAGE. */
function siteAddress(call: CommandCall): string {
  const given = text(call, "site");
  if (given === undefined) {
    throw new VolleyError("E_USAGE", "--site is missing: the address machines reach it by.");
  }
  const plain = /^https:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?\/?$/;
  if (!plain.test(given)) {
    throw new VolleyError("E_USAGE", `--site is to be https://HOST:PORT, not ${given}.`);
  }
  return given.replace(/\/$/, "");
}

function packageNames(call: CommandCall): string[] {
  const given = call.values["package"];
  const names = Array.isArray(given) ? given.filter((value) => typeof value === "string") : [];
  const wrong = names.find((name) => !/^[a-z0-9][a-z0-9+.-]+$/.test(name));
  if (wrong !== undefined) throw new VolleyError("E_USAGE", `"${wrong}" is no name of a Debian package.`);
  return names;
}

export const mediaCommands: SiteCommand[] = [
  {
    words: "media build",
    operands: "",
    operandCount: 0,
    summary:
      "Make boot media with the agent for PXE, disc and USB stick: a Linux PE, which takes Debian and root, or a Windows PE.",
    options: {
      site: { type: "string", value: "URL", help: "The address machines reach this site by." },
      output: { type: "string", value: "DIR", help: "Folder for the files." },
      agent: { type: "string", value: "FILE", help: `The packaged agent (${packagedAgent}, or .exe).` },
      ...winpeOptions,
      package: {
        type: "string",
        multiple: true,
        value: "NAME",
        help: "One more Debian package in it, as firmware for an adapter; may be repeated.",
      },
      shell: {
        type: "boolean",
        help: "Whoever is at a machine gets a root shell there (Alt+F2, serial port).",
      },
      approve: {
        type: "boolean",
        help: "Machines that enrol with it need no approval: for media that are in safe hands.",
      },
      uses: { type: "string", value: "N", help: `How many machines its credential enrols (${defaultUses}).` },
      hours: { type: "string", value: "H", help: `How long that is valid (${defaultHours}).` },
    },
    run: async (client, call) => {
      const site = siteAddress(call);
      const packages = packageNames(call);
      checkWinpeOptions(call);
      const output = text(call, "output");
      if (output === undefined) {
        throw new VolleyError("E_USAGE", "--output is missing: a folder for the files.");
      }
      const uses = number(call, "uses", { least: 1, most: 100_000, whole: true }) ?? defaultUses;
      const validHours = number(call, "hours", { least: 0.01, most: 8760, whole: false }) ?? defaultHours;
      const { sharedFolder } = placeOf(call.dataFolder, call.environment);
      const authority = readFileSync(siteFiles(call.dataFolder, sharedFolder).authorityCertificate, "utf8");
      const approves = call.values["approve"] === true;
      const issued = await client.post<CredentialAnswer>("/credentials", { uses, validHours, approves });
      const isWinpe = text(call, "winpe") !== undefined;
      const contents = {
        site,
        fingerprint: fingerprintOf(authority).replaceAll(":", "").toLowerCase(),
        credential: issued.credential,
        credentialExpires: issued.expires,
        agent: resolve(text(call, "agent") ?? ownFile(isWinpe ? packagedWindowsAgent : packagedAgent)),
        shell: call.values["shell"] === true,
        output: resolve(output),
        onStep: (what: string) => (call.json ? undefined : printLine(what)),
      };
      const description = isWinpe
        ? await buildWinpeBy(call, contents)
        : await buildMedia({ ...contents, packages });
      if (call.json) return printJson(description);
      printTable(
        Object.entries(description.files).map(([name, { bytes, sha256 }]) => [
          name,
          bytesText(bytes),
          sha256,
        ]),
      );
      if ("left" in description) for (const sentence of description.left) printLine(sentence);
      printLine(`The credential in them enrols ${countText(uses, "machine")} until ${issued.expires}.`);
    },
  },
];
