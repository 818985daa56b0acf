/** What holds a machine or a session back, and where one was moved: in words, for page and commands. */
import type { MachineRecord, SessionRecord } from "../contract/administration.ts";
import type { Progress } from "../contract/report.ts";

/** What of a machine may hold it back; empty where it is not the machine's own matter. */
const ownLimits: Record<Progress["bottleneck"], string> = {
  none: "",
  site: "",
  network: "its network",
  processor: "its processor",
  disk: "its disk",
};

const sessionLimits: Record<Exclude<SessionRecord["limit"], "machine">, string> = {
  nothing: "",
  policy: "the rate of the deployment",
  network: "the network",
  site: "the site's own computer",
};

export function ownLimit({ progress }: Pick<MachineRecord, "progress">): string {
  return progress === null ? "" : ownLimits[progress.bottleneck];
}

/** `machine`: the one that the session says sets its pace. */
export function sessionLimit({ limit }: SessionRecord, machine: MachineRecord | undefined): string {
  if (limit !== "machine") return sessionLimits[limit];
  if (machine === undefined) return "a machine";
  const own = ownLimit(machine);
  return own === "" ? machine.facts.name : `${machine.facts.name}: ${own}`;
}

/** Of a machine that takes whatever the site sends, why the site sends no faster; empty for any other. */
export function paceText(
  { progress, state }: Pick<MachineRecord, "progress" | "state">,
  sessions: ReadonlyMap<string, SessionRecord>,
): string {
  if (state !== "working" || progress?.bottleneck !== "site" || progress.waitingFor !== "") return "";
  const session = sessions.get(progress.sessionId);
  if (session === undefined) return "the site's pace";
  const why = session.limit === "machine" ? "another machine" : sessionLimits[session.limit];
  return why === "" ? "the site's pace" : `the site's pace: ${why}`;
}

/** Where a machine was moved: "to unicast". */
export function movedWhere({ to }: SessionRecord["moved"][number], { stream }: SessionRecord): string {
  return { unicast: "to unicast", out: "out", stream: `to stream ${stream}`, behind: "behind the others" }[
    to
  ];
}

/** By machine: where it was moved, and why. */
export function movedTexts(sessions: readonly SessionRecord[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const session of sessions) {
    if (session.state === "closed") continue;
    for (const move of session.moved) {
      texts.set(move.machineId, `Moved ${movedWhere(move, session)}. ${move.reason}.`);
    }
  }
  return texts;
}
