/** PXE with the site as the DHCP server: what each kind of firmware is answered, and who is not. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeviceRecord } from "../../contract/devices.ts";
import { makeBootMedia } from "../fixtures/boot-media.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { askDhcp, biosClass, httpClass, uefiClass, type DhcpRequest } from "../fixtures/pxe-client.ts";
import { childrenOf, fetchFrom, isRunning, rangeOf, spaceOf, textFrom } from "../fixtures/pxe-lab.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { askTftp } from "../fixtures/tftp-client.ts";

const hostCount = 3;
testOnNetwork(
  { title: "on a network of hosts: PXE with the site as the DHCP server", hostCount, file: import.meta.url },
  ({ hosts: [server, client, elsewhere] }) => {
    assert.ok(server && client && elsewhere);
    tests(server, client, elsewhere);
  },
);

const boardUuid = "33221100-5544-7766-8899-aabbccddeeff";
const bios = (mac: string): DhcpRequest => ({
  mac,
  architecture: 0,
  vendorClass: biosClass,
  uuid: boardUuid,
});
const plain = (mac: string): DhcpRequest => ({ mac });
const mac = (number: number): string => `52:54:00:00:00:${String(number).padStart(2, "0")}`;

function tests(server: Host, client: Host, elsewhere: Host): void {
  let room: Room;
  let site: SiteProcess;
  let media: string;
  const { words: range, first } = rangeOf(server);
  const base = `http://${server.address}:8480`;
  const net = first.replace(/\d+$/, "");
  const change = (properties: object) => site.client.post("/pxe/properties", properties);

  before(async () => {
    room = await openRoom("pxe server");
    media = makeBootMedia(join(room.folder, "media"));
    // A second network of the site's computer, which PXE is not for.
    execFileSync("ip", ["link", "add", "e1", "type", "veth", "peer", "e1", "netns", spaceOf(elsewhere)]);
    execFileSync("ip", ["addr", "add", "192.168.177.1/24", "dev", "e1"]);
    execFileSync("ip", ["link", "set", "e1", "up"]);
    // There the client's card has to be called as elsewhere.
    for (const words of [
      ["link", "set", "e0", "down"],
      ["link", "set", "e0", "name", "e9"],
      ["link", "set", "e1", "name", "e0"],
      ["link", "set", "e0", "up"],
      ["addr", "add", "192.168.177.2/24", "dev", "e0"],
    ]) {
      execFileSync("ip", ["-n", spaceOf(elsewhere), ...words]);
    }
    const words = ["--pxe", "e0", "--pxe-media", media, ...range, "--pxe-router", `${net}254`];
    site = await room.startSite({ address: server.address, words });
    await change({ unknown: "answer" });
  });
  after(() => room.close());

  test("each kind of firmware gets its own file and an address; what does not boot gets an address alone", async () => {
    const [biosAnswers = [], uefi = [], ipxe = [], http = [], none = []] = await askDhcp(client, [
      bios(mac(1)),
      { mac: mac(2), architecture: 7, vendorClass: uefiClass },
      { mac: mac(3), architecture: 0, vendorClass: biosClass, userClass: "iPXE" },
      { mac: mac(4), architecture: 16, vendorClass: httpClass },
      plain(mac(5)),
    ]);
    for (const answers of [biosAnswers, uefi, ipxe, http, none]) {
      assert.equal(answers.length, 1);
      assert.equal(answers[0]?.from, server.address);
      assert.ok(answers[0]?.address.startsWith(`${net}1`), JSON.stringify(answers));
      const router = Buffer.from(`${net}254`.split(".").map(Number)).toString("hex");
      assert.equal(answers[0]?.options[3], router);
      assert.equal(answers[0]?.options[6], undefined, "a name server that was not given");
    }
    assert.equal(biosAnswers[0]?.file, "undionly.kpxe");
    assert.equal(biosAnswers[0]?.nextServer, server.address);
    assert.equal(uefi[0]?.file, "shimx64.efi");
    assert.equal(ipxe[0]?.file, `${base}/boot/ipxe`);
    assert.equal(http[0]?.file, `${base}/ipxe.efi`);
    assert.equal(http[0]?.options[60], Buffer.from("HTTPClient").toString("hex"));
    assert.equal(none[0]?.file, "");
  });

  test("the boot files come by TFTP and by HTTP, and nothing else does", () => {
    for (const at of [`tftp://${server.address}`, base]) {
      for (const name of ["undionly.kpxe", "shimx64.efi", "vmlinuz", "initrd.zst"]) {
        const fetched = fetchFrom(client, `${at}/${name}`);
        assert.ok(fetched?.equals(readFileSync(join(media, name))), `${name} at ${at}`);
      }
      assert.match(textFrom(client, `${at}/grub/media.cfg`), /linux \/vmlinuz/);
      for (const path of ["../dhcp.conf", "%2e%2e/leases", "media.json", "//etc/passwd", "/etc/passwd"]) {
        assert.equal(fetchFrom(client, `${at}/${path}`, "--path-as-is"), null, `${path} at ${at}`);
      }
    }
    assert.match(textFrom(client, `tftp://${server.address}/grub/grub.cfg`), /configfile \/boot\//);
    const head = textFrom(client, `${base}/vmlinuz`, "--head");
    assert.match(head, new RegExp(`content-length: ${readFileSync(join(media, "vmlinuz")).length}`, "i"));
  });

  test("TFTP sends as many blocks as are asked for before it waits, and again what was lost", async () => {
    const [blockBytes, windowBlocks, blocks] = [1456, 16, 200];
    const content = randomBytes(blocks * blockBytes - 10);
    mkdirSync(join(media, "winpe/Boot"), { recursive: true });
    writeFileSync(join(media, "winpe/Boot/boot.wim"), content);
    const sha256 = createHash("sha256").update(content).digest("hex");
    // As Windows' boot manager names it.
    const wim = { server: server.address, file: "\\boot\\boot.wim" };
    const options = { blksize: String(blockBytes), tsize: "0" };
    const wide = { ...options, windowsize: String(windowBlocks) };
    const alone = await askTftp(client, { ...wim, options });
    assert.deepEqual([alone.error, alone.sha256, alone.acknowledgements], [null, sha256, blocks + 1]);
    const together = await askTftp(client, { ...wim, options: wide });
    assert.deepEqual(together.options, { ...wide, tsize: String(content.length) });
    const waits = Math.ceil(blocks / windowBlocks) + 1;
    assert.deepEqual([together.error, together.sha256, together.acknowledgements], [null, sha256, waits]);
    const lossy = await askTftp(client, { ...wim, options: wide, lost: [1, 17, 20, blocks] });
    assert.deepEqual([lossy.error, lossy.sha256], [null, sha256]);
    assert.ok(lossy.acknowledgements > waits, `${lossy.acknowledgements}`);
  });

  test("TFTP takes no file, and changes none", async () => {
    const there = readdirSync(media);
    for (const file of ["vmlinuz", "new", "Boot/boot.wim"]) {
      const { error } = await askTftp(client, { server: server.address, file, options: {}, writes: true });
      assert.ok(error !== null && error >= 0, `${file}: ${error}`);
    }
    assert.deepEqual(readdirSync(media), there);
    assert.notEqual(readFileSync(join(media, "vmlinuz")).length, 0);
    assert.notEqual(readFileSync(join(media, "winpe/Boot/boot.wim")).length, 0);
  });

  test("an excluded MAC gets no answer of PXE, while it still gets an address; others are not touched", async () => {
    await change({ excludedMacs: [mac(11)] });
    await waitFor(
      async () => {
        const [excluded, excludedHttp, address, other] = await askDhcp(client, [
          bios(mac(11)),
          { mac: mac(11), architecture: 16, vendorClass: httpClass },
          plain(mac(11)),
          bios(mac(12)),
        ]);
        if (address?.length !== 1 || other?.length !== 1) return false;
        return excluded?.length === 0 && excludedHttp?.length === 0;
      },
      { what: "silence to an excluded MAC", story: () => site.process.story() },
    );
    await change({ excludedMacs: [] });
    await waitFor(async () => (await askDhcp(client, [bios(mac(11)), plain(mac(5))]))[0]?.length === 1, {
      what: "an answer to a MAC that is excluded no more",
    });
  });

  test("unknown computers get no answer where they are ignored; known ones do, by UUID or by MAC", async () => {
    await change({ unknown: "ignore" });
    const known = "00112233-4455-6677-8899-aabbccddeeff";
    await site.client.post<DeviceRecord>("/devices", { name: "by uuid", uuid: known });
    await site.client.post<DeviceRecord>("/devices", { name: "by mac", mac: mac(22).toUpperCase() });
    const asked = [
      // The bytes of the UUID come in the order of SMBIOS from one firmware, and in that of the text from another.
      { ...bios(mac(20)), uuid: known },
      { ...bios(mac(21)), uuid: "33221100-5544-7766-8899-aabbccddeeff" },
      { ...bios(mac(22)), uuid: "99999999-9999-9999-9999-999999999999" },
      { ...bios(mac(23)), uuid: "99999999-9999-9999-9999-999999999999" },
      plain(mac(5)),
    ];
    const counts = async (): Promise<string> =>
      (await askDhcp(client, asked)).map((answers) => answers.length).join(" ");
    await waitFor(async () => (await counts()) === "1 1 1 0 1", { what: "answers to known computers alone" });
    await change({ ignoredMacs: [mac(22)], ignoredUuids: [known] });
    await waitFor(async () => (await counts()) === "0 0 0 0 1", {
      what: "silence to what says nothing about a computer",
    });
    await change({ ignoredMacs: [], ignoredUuids: [], unknown: "answer" });
    await waitFor(async () => (await counts()) === "1 1 1 1 1", { what: "answers to all" });
  });

  test("a site that does not respond still hands out addresses", async () => {
    await change({ respond: false });
    const answered = async (): Promise<string> =>
      (await askDhcp(client, [bios(mac(1)), plain(mac(5))])).map(({ length }) => length).join(" ");
    await waitFor(async () => (await answered()) === "0 1", { what: "silence" });
    await change({ respond: true });
    await waitFor(async () => (await answered()) === "1 1", { what: "answers again" });
  });

  test("a delay holds back what boots, and nobody else; without it nobody waits", async () => {
    // dnsmasq counts whole seconds, from the one in which it was asked.
    const [delaySeconds, leastMs] = [4, 3000];
    const waits = async (): Promise<number[][]> =>
      (await askDhcp(client, [plain(mac(41)), bios(mac(42))])).map((of) =>
        of.map(({ waitedMs }) => waitedMs),
      );
    await change({ delaySeconds });
    await waitFor(
      async () => {
        const [[address = Infinity] = [], [boot = 0] = []] = await waits();
        return address < leastMs && boot >= leastMs;
      },
      { what: "a late answer to what boots, and to that alone", story: () => site.process.story() },
    );
    const held = await askDhcp(client, [bios(mac(42))]);
    assert.ok((held[0]?.[0]?.waitedMs ?? 0) >= leastMs, JSON.stringify(held));
    await change({ delaySeconds: 0 });
    await waitFor(async () => ((await waits())[1]?.[0] ?? Infinity) < leastMs, { what: "an answer at once" });
  });

  test("nothing is answered on another interface, by DHCP, TFTP or HTTP", async () => {
    await assert.rejects(askDhcp(elsewhere, [bios(mac(31)), plain(mac(32))], { timeMs: 4000 }), /0 servers/);
    for (const way of ["tftp://192.168.177.1", "http://192.168.177.1:8480"]) {
      const url = `${way}/vmlinuz`;
      assert.equal(fetchFrom(elsewhere, url, "--connect-timeout", "3", "--max-time", "5"), null, way);
    }
    const sockets = execFileSync("ss", ["-lun"], { encoding: "utf8" });
    assert.doesNotMatch(sockets, /:53\s/, "a name server");
  });

  test("TFTP does not answer what comes to its address by another interface", () => {
    const way = ["route", "replace", `${server.address}/32`, "via", "192.168.177.1", "dev", "e0"];
    execFileSync("ip", ["-n", spaceOf(elsewhere), ...way]);
    const limit = ["--connect-timeout", "3", "--max-time", "5"];
    const file = readFileSync(join(media, "vmlinuz"));
    assert.ok(fetchFrom(elsewhere, `${base}/vmlinuz`)?.equals(file), "the way is there");
    assert.equal(fetchFrom(elsewhere, `tftp://${server.address}/vmlinuz`, ...limit), null);
    assert.ok(fetchFrom(client, `tftp://${server.address}/vmlinuz`)?.equals(file));
  });

  test("dnsmasq and atftpd are started again when they die, and end with a site that is killed", async () => {
    const programs = ["dnsmasq", "atftpd"];
    const running = (): number[] => programs.flatMap((name) => childrenOf(site.pid, name));
    for (const name of programs) {
      const [one, ...others] = childrenOf(site.pid, name);
      assert.ok(one !== undefined && others.length === 0, `${others.length + 1} processes`);
      process.kill(one, "SIGKILL");
      await waitFor(
        () => {
          const now = childrenOf(site.pid, name);
          return now.length === 1 && !now.includes(one);
        },
        { what: `another ${name}`, story: () => site.process.story() },
      );
    }
    await waitFor(() => fetchFrom(client, `tftp://${server.address}/vmlinuz`), {
      what: "files by TFTP again",
    });
    const again = running();
    await site.kill();
    await waitFor(() => !again.some(isRunning), { what: "end of the site's programs" });
    await site.start();
    const mine = running();
    assert.equal(mine.length, 2);
    await site.stop();
    assert.ok(!mine.some(isRunning), "a program runs on after the site has ended");
  });

  test("atftpd may write nowhere, and has no right but to read and to take its port", async () => {
    await site.start();
    const [pid = 0] = childrenOf(site.pid, "atftpd");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
    // Bits 2 (CAP_DAC_READ_SEARCH) and 10 (CAP_NET_BIND_SERVICE), of capability.h.
    assert.match(status, /^CapEff:\t0000000000000404$/m);
    assert.match(status, /^CapBnd:\t0000000000000404$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    await site.stop();
  });
}
