/** volley webhook set | show | remove */
import { readFileSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import { Severity } from "../../contract/status-messages.ts";
import type { WebhookState } from "../../contract/webhook.ts";
import { text, type SiteCommand } from "./command.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { countText } from "../quantities.ts";

export const webhookCommands: SiteCommand[] = [
  {
    words: "webhook set",
    operands: "URL",
    operandCount: 1,
    summary: "Send status messages to a URL from now on, signed with a secret.",
    options: {
      "secret-file": { type: "string", value: "FILE", help: "The secret is the file's first line." },
      severity: { type: "string", value: "HOW", help: "From information, warning or error on (warning)." },
    },
    run: async (client, call) => {
      const file = text(call, "secret-file");
      if (file === undefined) throw new VolleyError("E_USAGE", "--secret-file is missing.");
      const least = Severity.safeParse(text(call, "severity") ?? "warning");
      if (!least.success) {
        throw new VolleyError("E_USAGE", `--severity is one of ${Severity.options.join(", ")}.`);
      }
      const request = { url: call.positionals[0], secret: firstLine(file), least: least.data };
      const state = await client.post<WebhookState>("/webhook", request);
      if (call.json) printJson(state);
      else printLine(`Messages go to ${state?.url ?? ""} from now on.`);
    },
  },
  {
    words: "webhook show",
    operands: "",
    operandCount: 0,
    summary: "Show where status messages are sent, and how that goes.",
    options: {},
    run: async (client, call) => {
      const state = await client.get<WebhookState>("/webhook");
      if (call.json) return printJson(state);
      if (state === null) return printLine("Status messages are sent nowhere.");
      printTable([
        ["to", state.url],
        ["from", state.least],
        ["last taken", state.delivered ?? "nothing yet"],
        ["failing", state.failures === 0 ? "no" : `${countText(state.failures, "time")}: ${state.problem}`],
      ]);
    },
  },
  {
    words: "webhook remove",
    operands: "",
    operandCount: 0,
    summary: "Send status messages nowhere any more.",
    options: {},
    run: async (client, call) => {
      await client.remove("/webhook");
      if (call.json) printJson({ removed: true });
      else printLine("Status messages are sent nowhere.");
    },
  },
];

function firstLine(path: string): string {
  try {
    return readFileSync(path, "utf8").split(/\r?\n/)[0] ?? "";
  } catch (error) {
    throw new VolleyError("E_USAGE", `${path}: ${(error as Error).message}`, { cause: error });
  }
}
