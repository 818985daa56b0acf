/**
 * Sessions over a switch that snoops and forgets: with the site's querier they last, without one they stop; of two
 * queriers one asks; and no site takes a group that is in use.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ImageRecord } from "../../contract/administration.ts";
import type { Host, Network } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { Program } from "../fixtures/program.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const agentProgram = fileURLToPath(new URL("../../agent/main.js", import.meta.url));
const mebibytes = 20;
const rateMbps = 12;
/** Slow enough that an image of holes and of what compresses well lasts several times as long as the switch remembers. */
const longRateMbps = 4;
/** In hundredths of a second: what it remembers of a member, and of a querier: once it knew one it drops what nobody wants. */
const forgetful = {
  mcast_snooping: 1,
  mcast_querier: 0,
  mcast_membership_interval: 400,
  mcast_querier_interval: 360_000,
};
const querier = ["--igmp-querier", "--igmp-interval", "1"];

const hostCount = 6;
testOnNetwork({ title: "IGMP on a network of hosts", hostCount, file: import.meta.url }, (network) => {
  // This process is on the host with the lowest address, and has it to itself.
  const [, lower, main, higher, second, third] = network.hosts;
  assert.ok(lower && main && higher && second && third);
  tests(network, { lower, main, higher, second, third });
});

interface Hosts {
  lower: Host;
  main: Host;
  higher: Host;
  second: Host;
  third: Host;
}

function tests(network: Network, { lower, main, higher, second, third }: Hosts): void {
  let room: Room;
  let image: RawImage;
  const sites: SiteProcess[] = [];
  const programs: Program[] = [];

  before(async () => {
    room = await openRoom("igmp");
    network.setSwitch(forgetful);
    image = await room.makeImage(mebibytes);
  });
  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.kill()));
    await Promise.all(sites.splice(0).map((site) => site.kill()));
  });
  after(() => room.close());

  async function startSite({ address, prefix }: Host, words: string[] = []): Promise<SiteProcess> {
    const site = await room.startSite({ address, prefix, words });
    sites.push(site);
    return site;
  }

  const logOf = (site: SiteProcess): string => readFileSync(join(site.folder, "site.log"), "utf8");

  /** On a disk of the name; answers how the machine came to its image. */
  async function deploy(site: SiteProcess, host: Host, name: string) {
    const agent = await room.startAgent(site, {
      name,
      disk: await room.makeDisk(mebibytes),
      prefix: host.prefix,
    });
    await agent.exits(0);
    await diskEquals(agent.disk, image);
    const outcome = (await site.machine(name))?.outcome;
    assert.ok(outcome, agent.output);
    return { outcome, output: agent.output };
  }

  async function examine(site: SiteProcess, host: Host, name: string, seconds: number) {
    const state = join(room.folder, `doctor-${name}`);
    mkdirSync(state, { recursive: true });
    const place = ["--site", site.url, "--fingerprint", site.fingerprint, "--state", state, "--json"];
    const watch = ["--watch", "--seconds", String(seconds)];
    const line = [...host.prefix, process.execPath, agentProgram, "doctor", ...place, ...watch];
    const secret = await site.newCredential();
    const program = new Program("doctor", line, { VOLLEY_CREDENTIAL: secret });
    programs.push(program);
    await program.ended;
    const report = JSON.parse(program.output) as { checks: { name: string; verdict: string }[] };
    return (check: string) => report.checks.find((one) => one.name === check)?.verdict;
  }

  /** Counts a host's reports: of version 2 for groups of sessions, and of version 3. */
  function countReports(host: Host): () => { second: number; third: number } {
    on(
      host,
      "nft",
      "flush ruleset; add table ip f; add chain ip f c { type filter hook output priority 0; }",
    );
    on(host, "nft", "add rule ip f c ip daddr 239.0.0.0/8 ip protocol igmp @th,0,8 0x16 counter");
    on(host, "nft", "add rule ip f c ip daddr 224.0.0.22 ip protocol igmp @th,0,8 0x22 counter");
    return () => {
      const rules = on(host, "nft", "list", "ruleset");
      const counters = [...rules.matchAll(/counter packets (\d+)/g)].map((match) => Number(match[1]));
      return { second: counters[0] ?? 0, third: counters[1] ?? 0 };
    };
  }

  for (const version of [3, 2] as const) {
    test(`a querier of version ${version}: sessions outlast what the switch remembers`, async () => {
      const site = await startSite(main, [...querier, "--igmp-version", String(version)]);
      const record: ImageRecord = await site.importImage(image.path, "lab");
      await site.createDeployment({ name: "all", imageId: record.id, rateMbps });
      for (const [host, forced] of [
        [second, 2],
        [third, 3],
      ] as const) {
        on(host, "sysctl", "-q", "-w", `net.ipv4.conf.e0.force_igmp_version=${forced}`);
      }
      const counts = [second, third].map(countReports);
      const machines = await Promise.all([deploy(site, second, "second"), deploy(site, third, "third")]);
      for (const { outcome, output } of machines) {
        assert.doesNotMatch(output, /No multicast arrives/);
        assert.ok(outcome.multicastBytes > record.contentBytes * 0.9, output);
      }
      const [ofSecond, ofThird] = counts.map((count) => count());
      // Joining takes two each; the others are answers.
      assert.ok(ofSecond && ofSecond.second >= 4 && ofSecond.third === 0, JSON.stringify(ofSecond));
      // A member of version 3 answers an older querier as that asks (RFC 3376, 7.2.1).
      const answers = version === 3 ? ofThird?.third : ofThird?.second;
      assert.ok(answers !== undefined && answers >= 4, JSON.stringify(ofThird));
      for (const host of [second, third]) {
        on(host, "sysctl", "-q", "-w", "net.ipv4.conf.e0.force_igmp_version=0");
      }
      if (version === 2) return;
      const verdict = await examine(site, third, "asked", 10);
      assert.deepEqual([verdict("querier"), verdict("membership")], ["ok", "ok"]);
    });
  }

  test("without it the switch forgets the machines, and the doctor says so", async () => {
    // The switch has known a querier, from here on it drops what nobody wants.
    const first = await startSite(main, querier);
    await waitFor(() => network.switchKnowsQuerier(), { what: "question" });
    await first.stop();
    const site = await startSite(main);
    const record = await site.importImage(image.path, "lab");
    await site.createDeployment({ name: "all", imageId: record.id, rateMbps: longRateMbps });
    const { outcome, output } = await deploy(site, second, "forgotten");
    assert.ok(outcome.unicastBytes > record.contentBytes / 4, output);
    const verdict = await examine(site, third, "forgotten", 30);
    assert.deepEqual([verdict("querier"), verdict("membership")], ["warning", "fault"]);
  });

  test("a querier with a lower address silences this one, and this one asks again when it is gone", async () => {
    const site = await startSite(main, querier);
    const said = (who: string) => () => logOf(site).includes(`IGMP querier: ${who} asks from now on`);
    const story = (): string => logOf(site);
    const other = await startSite(lower, querier);
    await waitFor(said(lower.address), { what: "silence", story });
    await other.kill();
    await waitFor(said(`${main.address} (this site)`), { what: "next question", story });
  });

  test("two sites and a stranger share a range of few groups", async () => {
    const send = `
      const socket = require("dgram").createSocket("udp4");
      socket.bind(0, "${third.address}", () => {
        socket.setMulticastInterface("${third.address}");
        setInterval(() => socket.send("x", 5000, "239.77.1.1"), 20);
      });`;
    programs.push(new Program("stranger", [...third.prefix, process.execPath, "-e", send]));
    const range = ["--group-range", "239.77.1.0/30"];
    const both = await Promise.all([startSite(main, range), startSite(higher, range)]);
    const groups: string[] = [];
    for (const [index, site] of both.entries()) {
      const record = await site.importImage(image.path, "lab");
      await site.createDeployment({ name: "all", imageId: record.id, rateMbps: 200 });
      await deploy(site, second, `machine ${index}`);
      groups.push(...(await site.sessions()).map(({ group }) => group));
    }
    assert.equal(groups.length, 2);
    assert.equal(new Set([...groups, "239.77.1.1"]).size, 3, groups.join(" "));
  });
}

/** Runs a program on a host, and answers what it said. */
function on(host: Host, ...command: string[]): string {
  const [program = "ip", ...words] = [...host.prefix, ...command];
  return execFileSync(program, words, { encoding: "utf8" });
}
