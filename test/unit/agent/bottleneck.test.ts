/** Who is to blame for a slow machine, from figures as the addon gives them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BottleneckMeter, type Bottleneck } from "../../../agent/imaging/bottleneck.ts";
import type { ReceiverStatistics } from "../../../native/index.ts";

const datagramBytes = 1500;
const calm: Partial<ReceiverStatistics> = {
  phase: "receiving",
  multicastAlive: true,
  diskBacklogPerThousand: 0,
  processorBacklogPerThousand: 0,
};

const rows: { what: string; figures: Partial<ReceiverStatistics>; lost: number; says: Bottleneck }[] = [
  { what: "nothing is behind", figures: {}, lost: 0, says: "site" },
  { what: "a link's usual loss", figures: {}, lost: 10, says: "site" },
  { what: "much is lost", figures: {}, lost: 100, says: "network" },
  { what: "no multicast arrives", figures: { multicastAlive: false }, lost: 0, says: "network" },
  { what: "chunks wait for the disk", figures: { diskBacklogPerThousand: 800 }, lost: 0, says: "disk" },
  { what: "half of the room for chunks", figures: { diskBacklogPerThousand: 500 }, lost: 0, says: "site" },
  { what: "datagrams wait", figures: { processorBacklogPerThousand: 400 }, lost: 0, says: "processor" },
  {
    what: "a slow disk makes datagrams wait and be lost too",
    figures: { diskBacklogPerThousand: 1000, processorBacklogPerThousand: 900 },
    lost: 500,
    says: "disk",
  },
  { what: "it is not receiving", figures: { phase: "finishing" }, lost: 500, says: "none" },
];

/** After so many datagrams that came and so many that were lost. */
const after = (received: number, lostDatagrams: number, more = calm): ReceiverStatistics =>
  ({ ...calm, ...more, multicastBytes: received * datagramBytes, lostDatagrams }) as ReceiverStatistics;

for (const { figures, lost, says, what } of rows) {
  test(`${what}: ${says}`, () => {
    const meter = new BottleneckMeter(datagramBytes);
    meter.look(after(0, 0, figures), 0);
    assert.equal(meter.look(after(1000 - lost, lost, figures), 1000), says);
  });
}

test("loss of long ago does not count", () => {
  const meter = new BottleneckMeter(datagramBytes);
  meter.look(after(0, 0), 0);
  assert.equal(meter.look(after(500, 500), 1000), "network");
  assert.equal(meter.lossPart, 0.5);
  for (let second = 2; second < 6; second += 1) meter.look(after(500 * second, 500), second * 1000);
  assert.equal(meter.look(after(3000, 500), 6000), "site");
  assert.equal(meter.lossPart, 0);
});
