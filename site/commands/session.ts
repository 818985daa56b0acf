/** volley session list */
import type { EndReason, MachineRecord, SessionRecord } from "../../contract/administration.ts";
import { movedWhere, sessionLimit } from "../held-back.ts";
import { bytesText, percentText, rateText } from "../quantities.ts";
import type { SiteCommand } from "./command.ts";
import { printJson, printTable } from "./output.ts";

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
      const machine = (id: string | null): MachineRecord | undefined => machines.find((one) => one.id === id);
      const movesOf = (session: SessionRecord): string =>
        session.moved
          .map((move) => {
            const name = machine(move.machineId)?.facts.name ?? move.machineId;
            return `${name} ${movedWhere(move, session)}: ${move.reason}`;
          })
          .join("; ");
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
        sessionLimit(session, machine(session.limitingMachineId)),
        movesOf(session),
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
      printTable([[...head, "HELD BACK BY", "MOVED"], ...rows]);
    },
  },
];
