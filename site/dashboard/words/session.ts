/** A session in words: what it does, and who or what holds it back. */
import type { MachineRecord, SessionEnd, SessionRecord } from "../../../contract/administration.ts";
import type { WaitingSession } from "../../../contract/waiting.ts";
import { sessionLimit } from "../../held-back.ts";
import { countIsText, namesText } from "../../quantities.ts";

export const sessionStates: Record<SessionRecord["state"], string> = {
  casting: "sending",
  idle: "waiting for requests",
  closed: "ended",
};

export function sessionName({ imageName, stream }: SessionRecord): string {
  return stream === 0 ? imageName : `${imageName}, stream ${stream}`;
}

const endReasons: Record<SessionEnd["reason"], string> = {
  done: "Its machines are done.",
  silent: "No machine reported any more.",
  "deployment-closed": "Its deployment was closed.",
  "sender-failed": "Its sender failed.",
  "not-opened": "It could not be opened.",
  "not-resumed": "It did not go on after a restart.",
  unknown: "",
};

/** `machine`: the one that the session says sets its pace. */
export function limitText(session: SessionRecord, machine: MachineRecord | undefined): string {
  if (session.end !== null) return `${endReasons[session.end.reason]} ${session.end.detail}`.trim();
  if (session.state === "closed") return "";
  const limit = sessionLimit(session, machine);
  return limit === "" ? "" : `Held back by ${limit}.`;
}

/** A session that is to start with more machines or at a time. */
export function waitingText(one: WaitingSession): string {
  const { minimumClients, missing, present, startsAt } = one;
  const who = missing.length === 0 ? "" : ` Missing: ${missingText(one)}.`;
  return (
    `${waitName(one)} waits: ${present.length} of ${countIsText(minimumClients, "machine")} there; ` +
    `it starts at ${startsAt.slice(11, 16)} UTC at the latest.${who}`
  );
}

/** "room 3 at annexe" */
export function waitName({ deploymentName, point }: WaitingSession): string {
  return point === undefined ? deploymentName : `${deploymentName} at ${point}`;
}

export function missingText({ missing, missingCount }: WaitingSession): string {
  const more = missingCount - missing.length;
  return namesText(missing, missing.length) + (more > 0 ? ` and ${more} more` : "");
}
