/** volley credential new */
import type { CredentialAnswer } from "../../contract/administration.ts";
import type { SiteCommand } from "./command.ts";
import { number } from "./numbers.ts";
import { printJson, printLine } from "./output.ts";

export const credentialCommands: SiteCommand[] = [
  {
    words: "credential new",
    operands: "",
    operandCount: 0,
    summary: "Make a credential with which machines enrol. It is shown once.",
    options: {
      uses: { type: "string", value: "N", help: "How many machines it enrols (1)." },
      hours: { type: "string", value: "H", help: "How long it is valid (24)." },
    },
    run: async (client, call) => {
      const uses = number(call, "uses", { least: 1, most: 100_000, whole: true }) ?? 1;
      const validHours = number(call, "hours", { least: 0.01, most: 8760, whole: false }) ?? 24;
      const answer = await client.post<CredentialAnswer>("/credentials", { uses, validHours });
      if (call.json) return printJson(answer);
      printLine(answer.credential);
    },
  },
];
