/** volley agent add | remove: the agent for Windows, which a site gives to machines that put a Windows on their disk. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { windowsAgentPackage, type PackageRecord } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";
import { bytesText } from "../quantities.ts";
import type { SiteCommand } from "./command.ts";
import { printJson, printLine } from "./output.ts";
import { uploadFile } from "./upload.ts";

const place = `/packages/${windowsAgentPackage}`;

export const agentCommands: SiteCommand[] = [
  {
    words: "agent add",
    operands: "FILE",
    operandCount: 1,
    summary: "Take volley-agent.exe, which Setup Windows puts into the Windows that was applied.",
    options: {},
    run: async (client, call) => {
      const path = resolve(call.positionals[0] ?? "");
      checkProgram(path);
      const uploadId = await uploadFile(client, path, call.json);
      await removeAgent(client);
      const added = await client.post<PackageRecord>("/packages", {
        kind: "file",
        packageId: windowsAgentPackage,
        name: "Volley agent for Windows",
        fileName: "volley-agent.exe",
        uploadId,
      });
      const facts = `${bytesText(added.bytes)}, SHA-256 ${added.hash}`;
      if (call.json) printJson(added);
      else printLine(`The agent for Windows is at the site: ${facts}.`);
    },
  },
  {
    words: "agent remove",
    operands: "",
    operandCount: 0,
    summary: "Remove it.",
    options: {},
    run: async (client, call) => {
      await client.remove(place);
      if (call.json) printJson({ removed: windowsAgentPackage });
      else printLine("The agent for Windows is removed.");
    },
  },
];

/** One that is there is replaced. */
async function removeAgent(client: SiteClient): Promise<void> {
  try {
    await client.remove(place);
  } catch (error) {
    if (toVolleyError(error).code !== "E_NOT_FOUND") throw error;
  }
}

/** "PE Format": "MZ", at 0x3c where "PE\0\0" is, and behind it the machine, 0x8664 for x64. */
function checkProgram(path: string): void {
  let program: Buffer;
  try {
    program = readFileSync(path);
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
  const at = program.length < 64 ? 0 : program.readUInt32LE(0x3c);
  const isProgram =
    program.toString("latin1", 0, 2) === "MZ" &&
    program.length > at + 6 &&
    program.readUInt32BE(at) === 0x50450000 &&
    program.readUInt16LE(at + 4) === 0x8664;
  if (isProgram && program.includes(Buffer.from("volley-agent.exe", "utf16le"))) return;
  throw new VolleyError("E_USAGE", `${path} is not the volley-agent.exe that scripts/package makes.`);
}
