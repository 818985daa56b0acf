/** The last sessions that have ended, and what is shown of one. */
import type { SessionRecord } from "../../contract/administration.ts";
import type { Store } from "../store/store.ts";
import { describe } from "./live-session.ts";

const shown = 20;

export class ClosedSessions {
  #records: SessionRecord[] = [];

  /** The last one first. */
  get records(): readonly SessionRecord[] {
    return this.#records;
  }

  /** Of an earlier process, without those that go on. */
  async load(store: Pick<Store, "images" | "sessions">, goesOn: (id: string) => boolean): Promise<void> {
    for (const stored of await store.sessions.listRecent(shown)) {
      if (goesOn(stored.id)) continue;
      const image = await store.images.find(stored.imageId);
      if (!image) continue;
      const machines = new Set(
        (await store.sessions.participants([stored.id])).map((pair) => pair.machineId),
      );
      this.#records.push(closedRecord({ ...stored, ...describe(stored, image) }, machines.size));
    }
  }

  add(last: SessionRecord): void {
    this.#records = [closedRecord(last, last.machines), ...this.#records].slice(0, shown);
  }

  /** Those of a deployment that was removed. */
  forget(deploymentId: string): void {
    this.#records = this.#records.filter((session) => session.deploymentId !== deploymentId);
  }
}

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
