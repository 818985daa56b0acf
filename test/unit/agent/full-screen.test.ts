/** The screen that is the agent's alone, as a terminal shows it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import headless from "@xterm/headless";
import { openScreen } from "../../../agent/report/open-screen.ts";
import type { Screen } from "../../../agent/report/screen.ts";
import type { SequenceView } from "../../../agent/report/sequence-view.ts";
import type { ProgressView } from "../../../agent/report/transfer-view.ts";

const foot = "Log: /somewhere/smsts.log. A shell is on Alt+F2.";
const step: SequenceView = {
  title: "bare metal",
  step: "Apply Operating System",
  number: 2,
  total: 5,
  fraction: 0.43,
  doing: "Applying",
  infoLevel: 1,
};
const transfer: ProgressView = {
  phase: "receiving",
  waitingFor: "",
  bottleneck: "disk",
  bytesVerified: 430e6,
  bytesTotal: 1000e6,
  multicastBytes: 400e6,
  unicastBytes: 0,
  bytesFound: 0,
  repairedSymbols: 3,
  bytesPerSecond: 52e6,
  secondsLeft: 11,
};
const title = {
  name: "pc-07",
  hardware: "Acme · Slate 3 · UEFI · serial 0815",
  site: "Site https://192.0.2.10:8443",
  agentVersion: "0.1.0",
};

/** A terminal of the PE's size, and what it shows. */
class Shown {
  readonly screen: Screen;
  readonly #terminal: headless.Terminal;

  constructor(columns = 80, rows = 25) {
    this.#terminal = new headless.Terminal({ cols: columns, rows, convertEol: true, allowProposedApi: true });
    this.screen = openScreen(
      { write: (text) => this.write(text), isTTY: true, columns, rows },
      { fullWith: foot },
    );
  }

  /** As another program writes to the same terminal. */
  write(text: string): void {
    this.#terminal.write(text);
  }

  async rows(): Promise<string[]> {
    await new Promise<void>((resolve) => this.#terminal.write("", resolve));
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, index) =>
      (active.getLine(active.viewportY + index)?.translateToString(true) ?? "").trimEnd(),
    );
  }
}

test("the machine, the step, two bars and what holds it back stay while lines scroll below them", async () => {
  const shown = new Shown();
  shown.screen.machine(title);
  for (let number = 1; number <= 60; number += 1) shown.screen.line(`line ${number}`);
  shown.screen.sequence(step);
  shown.screen.progress(transfer);
  shown.write("a program beside it\n");
  shown.screen.line("the last line");
  const rows = await shown.rows();
  assert.equal(rows[0], " Volley 0.1.0   pc-07");
  assert.equal(rows[1], " Acme · Slate 3 · UEFI · serial 0815");
  assert.equal(rows[2], " Site https://192.0.2.10:8443");
  assert.equal(rows[4], " 2 of 5   Apply Operating System");
  assert.match(rows[5] ?? "", /^ █{7}░{19} {2}28 % {2}of "bare metal"$/);
  assert.match(rows[6] ?? "", /^ █{11}░{15} {2}43 % {2}430 MB of 1\.0 GB {2}52\.0 MB\/s {2}11 s left$/);
  assert.equal(rows[7], " receiving · 400 MB by multicast · 3 repaired · held back by this machine's disk");
  assert.deepEqual(
    rows.slice(19),
    ["line 58", "line 59", "line 60", "a program beside it", "the last line", "", ` ${foot}`].slice(-6),
  );
});

test("the next step begins without the transfer of the one before; an image alone has one bar", async () => {
  const shown = new Shown();
  shown.screen.sequence(step);
  shown.screen.progress(transfer);
  shown.screen.sequence({ ...step, number: 3, step: "Setup", fraction: 0, doing: "" });
  assert.match((await shown.rows())[6] ?? "", /^ ░{26} {3}0 %$/);
  shown.screen.settle();
  shown.screen.progress({ ...transfer, waitingFor: "waiting for the site" });
  const rows = await shown.rows();
  assert.match(rows[5] ?? "", /43 % {2}430 MB of 1\.0 GB/);
  assert.equal(rows[6]?.startsWith(" waiting for the site · 400 MB by multicast"), true);
});

test("where nothing of a sequence is to be seen, neither is its transfer", async () => {
  const shown = new Shown();
  shown.screen.sequence(null);
  shown.screen.progress(transfer);
  assert.deepEqual((await shown.rows()).slice(4, 8), ["", "", "", ""]);
});

test("a failure takes the bars' place, the first one that was told, and stays", async () => {
  const shown = new Shown();
  shown.screen.sequence(step);
  shown.screen.failed(["Task sequence failed at: Format", "  Code 0x1 (1)", "  What to do: look"]);
  shown.screen.failed(["E_SEQUENCE_FAILED: something less exact"]);
  shown.screen.settle();
  for (let number = 1; number <= 40; number += 1) shown.screen.line(`line ${number}`);
  const rows = await shown.rows();
  assert.deepEqual(rows.slice(4, 8), [
    " Task sequence failed at: Format",
    "   Code 0x1 (1)",
    "   What to do: look",
    "",
  ]);
  assert.equal(rows.at(-1), ` ${foot}`);
});

test("until there is a bar the newest line is what it does; names cannot draw on the screen", async () => {
  const shown = new Shown(40, 16);
  shown.screen.machine({ ...title, name: "pc\x1b[2J\n07" });
  shown.screen.line("Waiting for the site: connection refused");
  const rows = await shown.rows();
  assert.equal(rows[0], " Volley 0.1.0   pc [2J 07");
  assert.equal(rows[4], " Waiting for the site: connection refuse");
  assert.equal(rows.at(-1), ` ${foot}`.slice(0, 40).trimEnd());
});
