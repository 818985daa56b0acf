/** IGMP and packets of groups as the system gives them to a privileged process, and its refusal to others. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { test, type TestContext } from "node:test";
import { openGroupEar, openIgmpSocket } from "../../../native/index.ts";
import { waitFor } from "../../fixtures/program.ts";
import { random, testSeed } from "../../fixtures/random.ts";

const loopback = "127.0.0.1";
const next = random(testSeed("raw sockets"));
/** Between 1 and 254; tests at the same time are to hear nothing of each other. */
const anyByte = (): number => 1 + Math.floor(next() * 254);
const [second, third, fourth] = [anyByte() & 0x7f, anyByte(), anyByte()];
const group = `239.${second}.${third}.${fourth}`;
/** The same last 23 bits. */
const alias = `238.${second + 128}.${third}.${fourth}`;
const skip = process.getuid?.() === 0 ? false : "needs root";

async function sender(context: TestContext): Promise<(port: number, to: string) => void> {
  const socket = createSocket("udp4");
  context.after(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, loopback, resolve));
  socket.setMulticastInterface(loopback);
  return (port, to) => socket.send("x", port, to);
}

test("an IGMP message comes back as it was sent", { skip }, async () => {
  const socket = openIgmpSocket({ interfaceAddress: loopback });
  const message = Buffer.from([0x16, 0, 1, 2, 239, second, third, fourth]);
  assert.ok(socket.send("224.0.0.2", message));
  const got = await waitFor(() => socket.receive().find(({ message: one }) => one.equals(message)), {
    what: "message",
  });
  assert.deepEqual({ from: got.from, to: got.to }, { from: loopback, to: "224.0.0.2" });
  socket.close();
  socket.close();
  assert.equal(socket.send("224.0.0.2", message), false);
  assert.deepEqual(socket.receive(), []);
});

test(
  "what goes to a group, to any port, or to one with the same Ethernet address is heard",
  { skip },
  async (context) => {
    const send = await sender(context);
    const other = `239.${second}.${third}.${(fourth % 254) + 1}`;
    for (const to of [group, alias]) {
      const ear = openGroupEar({ interfaceAddress: loopback, groups: [other, group], ignoredPort: 40_001 });
      assert.deepEqual(ear.heard(), []);
      await waitFor(
        () => {
          send(40_002, to);
          return ear.heard().includes(group);
        },
        { what: to },
      );
      assert.deepEqual(
        ear.heard().filter((one) => one !== group),
        [],
      );
      ear.close();
      assert.deepEqual(ear.heard(), []);
    }
  },
);

test("the ignored port, IGMP and other groups are not heard", { skip }, async (context) => {
  const send = await sender(context);
  const igmp = openIgmpSocket({ interfaceAddress: loopback });
  const ear = openGroupEar({ interfaceAddress: loopback, groups: [group], ignoredPort: 40_001 });
  send(40_001, group);
  send(40_002, `239.${second}.${third}.${(fourth % 254) + 1}`);
  igmp.send(group, Buffer.from([0x11, 10, 0, 0, 239, second, third, fourth]));
  // Heard in the order in which it was sent: nothing of the above may be in it.
  const marker = `239.${second}.${(third % 254) + 1}.${fourth}`;
  const last = openGroupEar({ interfaceAddress: loopback, groups: [marker], ignoredPort: 40_001 });
  await waitFor(
    () => {
      send(40_002, marker);
      return last.heard().length > 0;
    },
    { what: "marker" },
  );
  assert.deepEqual(ear.heard(), []);
  for (const one of [igmp, ear, last]) one.close();
});

test("an address that this computer does not have", { skip }, () => {
  const nowhere = { interfaceAddress: "192.0.2.77" };
  assert.throws(() => openIgmpSocket(nowhere), { code: "E_SOCKET", systemError: 19 });
  const wish = { ...nowhere, groups: [group], ignoredPort: 1 };
  assert.throws(() => openGroupEar(wish), { code: "E_SOCKET", systemError: 19 });
  assert.throws(() => openGroupEar({ ...wish, groups: [] }), TypeError);
  assert.throws(() => openGroupEar({ ...wish, groups: ["10.0.0.1"] }), TypeError);
});

test("without the right to raw sockets the error says so", { skip }, () => {
  const addon = new URL("../../../native/index.js", import.meta.url).href;
  const script = `
    const { openGroupEar, openIgmpSocket } = await import(${JSON.stringify(addon)});
    const interfaceAddress = "${loopback}";
    for (const open of [
      () => openIgmpSocket({ interfaceAddress }),
      () => openGroupEar({ interfaceAddress, groups: ["${group}"], ignoredPort: 1 }),
    ]) {
      try { open(); console.log("open"); } catch (error) { console.log(error.code); }
    }`;
  const words = ["--bounding-set", "-net_raw", "--inh-caps", "-net_raw", process.execPath];
  const { stdout, stderr } = spawnSync("setpriv", [...words, "--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  assert.equal(stdout, "E_RAW_SOCKET\nE_RAW_SOCKET\n", stderr);
});
