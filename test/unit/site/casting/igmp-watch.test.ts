/** What the site does with IGMP of its card, over a card that the test plays. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { VolleyError } from "../../../../contract/errors.ts";
import type { IgmpArrival } from "../../../../native/index.ts";
import { ownAddresses } from "../../../../site/addresses.ts";
import { readIgmp, writeQuery } from "../../../../site/casting/igmp-message.ts";
import { openIgmpWatch, type IgmpDoor } from "../../../../site/casting/igmp-watch.ts";
import { openLog } from "../../../../site/log.ts";
import { waitFor } from "../../../fixtures/program.ts";

const own = "10.0.0.5";
const other = "10.0.0.4";
const wish = { intervalMs: 2000, version: 2 } as const;
const wants = Buffer.from("1600f8faef010203", "hex");
const leaves = Buffer.from("1700f7faef010203", "hex");

function fakeCard(context: TestContext, querier: typeof wish | null) {
  const arrived: IgmpArrival[] = [];
  const sent: { to: string; message: Buffer }[] = [];
  let isClosed = false;
  let failures = 0;
  const native: IgmpDoor = {
    openIgmpSocket: () => ({
      send: (to, message) => sent.push({ to, message }) > 0,
      receive: () => {
        if (failures > 0) {
          failures -= 1;
          throw new VolleyError("E_SOCKET", "the card is gone");
        }
        return arrived.splice(0);
      },
      close: () => {
        isClosed = true;
      },
    }),
    openGroupEar: () => {
      throw new VolleyError("E_RAW_SOCKET", "not permitted");
    },
  };
  const log = openLog({ file: null, quiet: true });
  const watch = openIgmpWatch({ native, interfaceAddress: own, claimsPort: 63_000, querier, log });
  assert.ok(watch);
  context.after(() => {
    watch.close();
    assert.ok(isClosed);
  });
  return {
    watch,
    sent,
    fail: (times: number) => (failures = times),
    say: (from: string, message: Buffer) => arrived.push({ from, to: "224.0.0.1", message }),
    /** Until what was said has been looked at. */
    heard: () => waitFor(() => arrived.length === 0, { what: "look", everyMs: 5 }),
  };
}

test("a group counts as wanted from a report to a leave, or until its session here is over", async (context) => {
  const { heard, say, watch } = fakeCard(context, null);
  for (const from of [own, "0.0.0.0", ...ownAddresses()]) say(from, wants);
  say(other, Buffer.from("noise"));
  await heard();
  assert.deepEqual(watch.wanted(), []);
  say(other, wants);
  await heard();
  assert.deepEqual(watch.wanted(), ["239.1.2.3"]);
  say(other, leaves);
  await heard();
  assert.deepEqual(watch.wanted(), []);
  say(other, wants);
  await heard();
  watch.forget("239.1.2.3");
  assert.deepEqual(watch.wanted(), []);
  assert.equal(watch.listen(["239.1.2.3"]), null);
});

test("without a querier nothing is said, with one it asks all and after a group that is left", async (context) => {
  const silent = fakeCard(context, null);
  silent.say(other, leaves);
  await silent.heard();
  const asking = fakeCard(context, wish);
  await waitFor(() => asking.sent.length >= 2, { what: "first questions" });
  asking.say(other, leaves);
  const after = await waitFor(() => asking.sent.find(({ to }) => to === "239.1.2.3"), { what: "question" });
  const query = readIgmp(after.message);
  assert.ok(query?.kind === "query");
  assert.deepEqual([query.version, query.group, query.responseMs], [2, "239.1.2.3", 1000]);
  assert.deepEqual(silent.sent, []);
});

test("it is silent beside a lower address, and a card that fails for a while ends nothing", async (context) => {
  const { fail, heard, say, sent } = fakeCard(context, wish);
  await waitFor(() => sent.length > 0, { what: "question" });
  const options = { version: 3, group: null, responseMs: 1000, suppress: false, robustness: 2 } as const;
  // That one says to be waited for nearly nine hours.
  say(other, writeQuery({ ...options, intervalMs: 15_000_000 }));
  await heard();
  const before = sent.length;
  fail(3);
  say(other, leaves);
  await heard();
  assert.equal(sent.length, before);
});

test("what the system does not permit is an error only where somebody is to be asked", () => {
  const refuse = (): never => {
    throw new VolleyError("E_RAW_SOCKET", "not permitted");
  };
  const native: IgmpDoor = { openIgmpSocket: refuse, openGroupEar: refuse };
  const log = openLog({ file: null, quiet: true });
  const options = { native, interfaceAddress: own, claimsPort: 63_000, log };
  assert.equal(openIgmpWatch({ ...options, querier: null }), null);
  assert.throws(() => openIgmpWatch({ ...options, querier: wish }), { code: "E_RAW_SOCKET" });
});
