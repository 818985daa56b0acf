/** What is shown of a session that has ended. */
import type { SessionRecord } from "../../contract/administration.ts";

export function closedRecord(
  last: Omit<
    SessionRecord,
    "state" | "machines" | "rateBytesPerSecond" | "limit" | "limitingMachineId" | "moved"
  >,
  machines: number,
): SessionRecord {
  const { id, deploymentId, imageName, stream, group, port, start, root, end } = last;
  const { multicastBytes, unicastBytes, parityPart } = last;
  return {
    id,
    deploymentId,
    imageName,
    stream,
    group,
    port,
    start,
    state: "closed",
    machines,
    rateBytesPerSecond: 0,
    limit: "nothing",
    limitingMachineId: null,
    moved: [],
    multicastBytes,
    unicastBytes,
    parityPart,
    root,
    end,
  };
}
