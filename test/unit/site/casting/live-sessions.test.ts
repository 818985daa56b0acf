/** What is asked of all machines that take part, by how many there are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiveSession } from "../../../../site/casting/live-session.ts";
import { LiveSessions } from "../../../../site/casting/live-sessions.ts";

/** Of a session no more is asked here than its number of machines. */
function sessionOf(id: string, machines: number): LiveSession {
  const names = Array.from(
    { length: machines },
    (_, number) => [`${id}-${number}`, { finished: false }] as const,
  );
  return { stored: { id }, machines: new Map(names) } as unknown as LiveSession;
}

test("many machines together tell no more than a site can hear, and none of them less than every fourth second", () => {
  const live = new LiveSessions();
  assert.equal(live.progressIntervalMs, 1000);
  live.add(sessionOf("one", 250));
  assert.equal(live.progressIntervalMs, 1000);
  live.add(sessionOf("two", 250));
  assert.equal(live.progressIntervalMs, 2000);
  live.add(sessionOf("three", 2));
  assert.equal(live.progressIntervalMs, 2008);
  live.add(sessionOf("four", 5000));
  assert.equal(live.progressIntervalMs, 4000);
  for (const id of ["one", "two", "four"]) live.remove(id);
  assert.equal(live.progressIntervalMs, 1000);
});
