/** volley session list */
import type { EndReason, MachineRecord, SessionRecord } from "../../contract/administration.ts";
import { bytesText, percentText, rateText } from "../quantities.ts";
import type { SiteCommand } from "./command.ts";
import { printJson, printTable } from "./output.ts";

const limitText: Record<Exclude<SessionRecord["limit"], "machine">, string> = {
  nothing: "",
  policy: "its rate",
  network: "the network",
  site: "the site",
};

const endText: Record<EndReason, string> = {
  done: "done",
  silent: "ended: nobody reported",
  "deployment-closed": "ended: deployment closed",
  "sender-failed": "ended: sender failed",
  "not-opened": "ended: did not open",
  "not-resumed": "ended: did not resume",
  unknown: "closed",
};

export const sessionCommands: SiteCommand[] = [
  {
    words: "session list",
    operands: "",
    operandCount: 0,
    summary: "List the multicast sessions, open ones first.",
    options: {},
    run: async (client, call) => {
      const sessions = await client.get<SessionRecord[]>("/sessions");
      if (call.json) return printJson(sessions);
      const machines = await client.get<MachineRecord[]>("/machines");
      const nameOf = (id: string | null): string =>
        machines.find((one) => one.id === id)?.facts.name ?? "a machine";
      const rows = sessions.map((session) => [
        session.imageName,
        session.point ?? "the site",
        String(session.stream),
        `${session.group}:${session.port}`,
        session.end === null ? session.state : endText[session.end.reason],
        String(session.machines),
        rateText(session.rateBytesPerSecond),
        bytesText(session.multicastBytes),
        bytesText(session.unicastBytes),
        percentText(session.parityPart),
        session.limit === "machine" ? nameOf(session.limitingMachineId) : limitText[session.limit],
      ]);
      const head = [
        "IMAGE",
        "WHERE",
        "STREAM",
        "GROUP",
        "STATE",
        "MACHINES",
        "RATE",
        "MULTICAST",
        "UNICAST",
        "PARITY",
      ];
      printTable([[...head, "HELD BACK BY"], ...rows]);
    },
  },
];
