/** PXE beside another DHCP server, and what is refused at the start. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { errors, type ErrorCode } from "../../contract/errors.ts";
import type { PxeStatus } from "../../contract/pxe.ts";
import { makeBootMedia } from "../fixtures/boot-media.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { Program, waitFor } from "../fixtures/program.ts";
import { askDhcp, biosClass, httpClass, uefiClass, type DhcpAnswer } from "../fixtures/pxe-client.ts";
import { childrenOf, isRunning, rangeOf, startDhcpServer } from "../fixtures/pxe-lab.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

testOnNetwork(
  { title: "on a network of hosts: PXE beside another DHCP server", hostCount: 4, file: import.meta.url },
  ({ hosts: [server, client, router, neighbour] }) => {
    assert.ok(server && client && router && neighbour);
    tests({ server, client, router, neighbour });
  },
);

interface Hosts {
  server: Host;
  client: Host;
  /** Has the DHCP server. */
  router: Host;
  /** Where a second site is. */
  neighbour: Host;
}

function tests({ server, client, router, neighbour }: Hosts): void {
  let room: Room;
  let media: string;
  let other: Program;
  const { words: range } = rangeOf(server);
  const main = fileURLToPath(new URL("../../site/main.js", import.meta.url));

  before(async () => {
    room = await openRoom("pxe proxy");
    media = makeBootMedia(join(room.folder, "media"));
    other = await startDhcpServer(router, room.folder);
  });
  after(async () => {
    await other.kill();
    await room.close();
  });

  /** Starts a site that is to end at once. */
  async function refused(code: ErrorCode, ...words: string[]): Promise<string> {
    const folder = join(room.folder, `refused-${code}`);
    const place = ["--data", folder, "--address", server.address, "--port", "0"];
    const program = new Program("site", [process.execPath, main, "site", ...place, ...words]);
    const timer = setTimeout(() => program.signal("SIGTERM"), 60_000);
    const { code: exitCode } = await program.ended;
    clearTimeout(timer);
    assert.match(program.errorOutput, new RegExp(`^${code}: `, "m"), program.story());
    assert.equal(exitCode, errors[code].exitCode);
    for (const name of ["dnsmasq", "atftpd"]) assert.deepEqual(childrenOf(program.pid, name), []);
    return program.errorOutput;
  }

  test("firmware hears both: the address from one, what to load from the other", async () => {
    const site = await room.startSite({
      address: server.address,
      words: ["--pxe", "e0", "--pxe-media", media],
    });
    await site.client.post("/pxe/properties", { unknown: "answer", excludedMacs: ["52:54:00:00:01:06"] });
    const efi = { architecture: 7, vendorClass: uefiClass };
    const [excluded = [], bios = [], uefi = [], menu = [], ipxe = [], http = [], plain = [], sentinel = []] =
      await waitFor(
        async () => {
          const answers = await askDhcp(
            client,
            [
              { mac: "52:54:00:00:01:06", architecture: 0, vendorClass: biosClass },
              { mac: "52:54:00:00:01:01", architecture: 0, vendorClass: biosClass },
              { mac: "52:54:00:00:01:02", ...efi },
              { mac: "52:54:00:00:01:02", ...efi, unicast: { address: server.address, port: 4011 } },
              { mac: "52:54:00:00:01:03", architecture: 0, vendorClass: biosClass, userClass: "iPXE" },
              { mac: "52:54:00:00:01:04", architecture: 16, vendorClass: httpClass },
              { mac: "52:54:00:00:01:05" },
              { mac: "52:54:00:00:01:07", architecture: 0, vendorClass: biosClass },
            ],
            { lastAnswers: 2 },
          );
          return answers[0]?.length === 1 ? answers : null;
        },
        { what: "silence of the proxy to an excluded MAC", story: () => site.process.story() },
      );
    const ours = (answers: DhcpAnswer[]): DhcpAnswer | undefined =>
      answers.find(({ from }) => from === server.address);
    const theirs = (answers: DhcpAnswer[]): DhcpAnswer | undefined =>
      answers.find(({ from }) => from === router.address);
    for (const answers of [bios, uefi, ipxe, http, sentinel]) {
      assert.equal(answers.length, 2, JSON.stringify(answers));
      assert.equal(ours(answers)?.address, "0.0.0.0", "a proxy hands out no address");
      assert.match(theirs(answers)?.address ?? "", /\.1\d\d$/);
      assert.equal(theirs(answers)?.file, "");
    }
    assert.equal(ours(bios)?.file, "undionly.kpxe");
    assert.equal(ours(menu)?.file, "shimx64.efi");
    assert.equal(ours(menu)?.port, 4011);
    assert.equal(ours(ipxe)?.file, `http://${server.address}:8480/boot/ipxe`);
    assert.equal(ours(http)?.file, `http://${server.address}:8480/ipxe.efi`);
    assert.equal(ours(http)?.options[60], Buffer.from("HTTPClient").toString("hex"));
    assert.deepEqual(
      [...excluded, ...plain].map(({ from }) => from),
      [router.address, router.address],
      "the other server alone",
    );
    const { serving } = await site.client.get<PxeStatus>("/pxe");
    assert.deepEqual(serving?.interfaces, [{ name: "e0", address: server.address, mode: "proxy" }]);
    assert.equal(serving?.failure, null);

    await site.client.post("/pxe/properties", { respond: false });
    await waitFor(() => childrenOf(site.pid, "dnsmasq").length === 0, { what: "end of the proxy" });
    const children = childrenOf(site.pid, "atftpd");
    assert.equal(children.length, 1);
    await site.stop();
    assert.ok(!children.some(isRunning));
  });

  test("with a delay the other server is heard first", async () => {
    const site = await room.startSite({
      address: server.address,
      words: ["--pxe", "e0", "--pxe-media", media],
    });
    await site.client.post("/pxe/properties", { unknown: "answer", delaySeconds: 4 });
    const bios = { mac: "52:54:00:00:01:08", architecture: 0, vendorClass: biosClass };
    const wait = (answers: DhcpAnswer[], { address }: Host): number =>
      answers.find(({ from }) => from === address)?.waitedMs ?? Number.NaN;
    await waitFor(
      async () => {
        const [answers = []] = await askDhcp(client, [bios], { lastAnswers: 2 });
        // dnsmasq counts whole seconds, from the one in which it was asked.
        return wait(answers, server) >= 3000 && wait(answers, router) < 3000;
      },
      { what: "an answer of the proxy, seconds after the other's", story: () => site.process.story() },
    );
    await site.stop();
  });

  test("two sites on one wire: each answers its own computers, and an answer is one site's, whole", async () => {
    const start = (host: Host, prefix: readonly string[]): Promise<SiteProcess> =>
      room.startSite({ address: host.address, prefix, words: ["--pxe", "e0", "--pxe-media", media] });
    const sites = [
      { host: server, mac: "52:54:00:00:02:01", site: await start(server, []) },
      { host: neighbour, mac: "52:54:00:00:02:02", site: await start(neighbour, neighbour.prefix) },
    ];
    for (const { mac, site } of sites) {
      await site.client.post("/pxe/properties", { unknown: "ignore" });
      await site.client.post("/devices", { name: "its own", mac });
    }
    const bios = { architecture: 0, vendorClass: biosClass };
    const stranger = { ...bios, mac: "52:54:00:00:02:03" };
    const names = new Map([
      [router.address, "router"],
      [server.address, "one"],
      [neighbour.address, "other"],
    ]);
    const heard = async (): Promise<string> => {
      const asked = [...sites.map(({ mac }) => ({ ...bios, mac })), stranger, { mac: "52:54:00:00:02:04" }];
      const answers = (await askDhcp(client, asked)).map((those) => those.map(({ from }) => names.get(from)));
      return answers
        .map((those) => (those.includes("router") ? those.filter((name) => name !== "router") : ["?"]))
        .join(" | ");
    };
    await waitFor(async () => (await heard()) === "one | other |  | ", {
      what: "each site's answer to its own computer, and to no other",
    });
    for (const { site } of sites) await site.client.post("/pxe/properties", { unknown: "answer" });
    const both = await waitFor(
      async () => {
        const [answers = []] = await askDhcp(client, [{ ...stranger, userClass: "iPXE" }], {
          lastAnswers: 3,
        });
        return answers.length === 3 ? answers : null;
      },
      { what: "answers of both sites to a stranger" },
    );
    for (const { host } of sites) {
      const its = both.find(({ from }) => from === host.address);
      assert.equal(its?.file, `http://${host.address}:8480/boot/ipxe`);
      assert.equal(its?.nextServer, host.address);
    }
    for (const { site } of sites) await site.stop();
  });

  test("a second DHCP server is not begun beside the first", async () => {
    const said = await refused("E_PXE_OTHER_SERVER", "--pxe", "e0", "--pxe-media", media, ...range);
    assert.match(said, new RegExp(`A DHCP server at ${router.address} answers on e0`));
  });

  test("an interface, a folder of media or a port that cannot be used is named", async () => {
    const said = await refused("E_PXE_INTERFACE", "--pxe", "e7", "--pxe-media", media);
    assert.match(said, /no interface e7; there are e0/);
    const strange = ["--pxe-range", "192.168.3.1-192.168.3.9"];
    await refused("E_PXE_INTERFACE", "--pxe", "e0", "--pxe-media", media, ...strange);
    mkdirSync(join(room.folder, "empty"));
    await refused("E_PXE_MEDIA", "--pxe", "e0", "--pxe-media", join(room.folder, "empty"));
    await refused("E_USAGE", "--pxe-media", media);
    const taken = createServer().listen(8480, server.address);
    await once(taken, "listening");
    await refused("E_PXE_PORT", "--pxe", "e0", "--pxe-media", media);
    taken.close();
    const tftp = createSocket("udp4").bind(69, server.address);
    await once(tftp, "listening");
    await refused("E_PXE_PORT", "--pxe", "e0", "--pxe-media", media);
    tftp.close();
  });
}
