/** The doctor in a network with one fault at a time: what it finds, and what it says to do. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { errors } from "../../contract/errors.ts";
import { canMakeNetwork } from "../fixtures/network.ts";
import { Program } from "../fixtures/program.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { type Card, type SwitchedHost, SwitchedNetwork } from "../fixtures/switched-network.ts";

const agentProgram = fileURLToPath(new URL("../../agent/main.js", import.meta.url));
const siteProgram = fileURLToPath(new URL("../../site/main.js", import.meta.url));
const siteAddress = "10.61.0.1";
/** The same site's address in another network, which one test has it cast into. */
const otherSiteAddress = "10.62.0.1";
/** The switch of a healthy room: it snoops, and asks. */
const healthySwitch = { mcast_snooping: 1, mcast_querier: 1 };
/** What the doctor promises is 30 s; the rest is for a machine that starts it slowly. */
const promisedMs = 45_000;

const Report = z.object({
  verdict: z.enum(["ok", "warning", "fault"]),
  checks: z.array(
    z.strictObject({
      name: z.string(),
      verdict: z.enum(["ok", "warning", "fault"]),
      detail: z.string().min(1),
      remedy: z.string(),
    }),
  ),
});
type Report = z.infer<typeof Report>;

/** Where the doctor runs. */
type Patient = Pick<SwitchedHost, "space" | "prefix">;

interface Finding {
  report: Report;
  story: string;
  /** Fails unless the check has this verdict and says this. */
  is(name: string, verdict: string, says: RegExp): void;
}

if (canMakeNetwork()) tests();
else test("the doctor in networks with faults", { skip: "needs root and iproute2" }, () => {});

function tests(): void {
  let room: Room;
  let network: SwitchedNetwork;
  let server: SwitchedHost;
  let site: SiteProcess;
  /** One on the same machine that casts into the other network. */
  let elsewhere: SiteProcess;
  let credential: string;
  let hosts = 0;

  before(async () => {
    room = await openRoom("doctor");
    network = new SwitchedNetwork();
    network.addSwitch("main", healthySwitch);
    network.addSwitch("other", healthySwitch);
    const cards = [
      { switch: "main", address: siteAddress },
      { switch: "other", address: otherSiteAddress },
    ];
    server = network.addHost("site", cards);
    const place = { address: siteAddress, prefix: server.prefix };
    [site, elsewhere] = await Promise.all([
      room.startSite(place),
      room.startSite({ ...place, words: ["--interface", otherSiteAddress] }),
    ]);
    credential = newCredential(site);
  });
  after(async () => {
    await room.close();
    network.close();
  });

  function newCredential(of: SiteProcess): string {
    const [first = "", ...rest] = server.prefix;
    const make = ["credential", "new", "--uses", "100", "--hours", "1", "--data", of.folder, "--json"];
    const words = [...rest, process.execPath, siteProgram, ...make];
    const made = execFileSync(first, words, { encoding: "utf8" });
    return (JSON.parse(made) as { credential: string }).credential;
  }

  const addHost = (cards?: readonly Card[]): SwitchedHost => {
    hosts += 1;
    return network.addHost(`h${hosts}`, cards ?? [{ switch: "main", address: `10.61.0.${10 + hosts}` }]);
  };

  function startDoctor(host: Patient, words: readonly string[], at: SiteProcess, secret: string): Program {
    const state = join(room.folder, `state-${host.space}`);
    mkdirSync(state, { recursive: true });
    const place = ["--site", at.url, "--fingerprint", at.fingerprint, "--state", state];
    const line = [...host.prefix, process.execPath, agentProgram, "doctor", ...place, ...words];
    return new Program("doctor", line, { VOLLEY_CREDENTIAL: secret });
  }

  async function examine(
    host: Patient,
    {
      words = [],
      at = site,
      secret = credential,
    }: { words?: string[]; at?: SiteProcess; secret?: string } = {},
  ): Promise<Finding> {
    const startedMs = Date.now();
    const program = startDoctor(host, ["--json", ...words], at, secret);
    const { code } = await program.ended;
    const story = program.story();
    if (!words.includes("--watch")) assert.ok(Date.now() - startedMs < promisedMs, story);
    assert.ok(program.output.startsWith("{"), story);
    const report = Report.parse(JSON.parse(program.output), { error: () => story });
    assert.equal(code, report.verdict === "fault" ? errors.E_DOCTOR_FAULT.exitCode : 0, story);
    for (const check of report.checks) {
      assert.equal(check.remedy === "", check.verdict === "ok", `${check.name}\n${story}`);
    }
    return {
      report,
      story,
      is: (name, verdict, says) => {
        const check = report.checks.find((one) => one.name === name);
        assert.equal(check?.verdict, verdict, `${name}\n${story}`);
        assert.match(`${check?.detail}: ${check?.remedy}`, says, story);
      },
    };
  }

  test("a healthy room: every check is ok, as JSON and as lines", async () => {
    const host = addHost();
    // Nothing may be sent that a router could cut up.
    host.run("nft", "add table ip f; add chain ip f c { type filter hook prerouting priority -450; }");
    host.run("nft", "add rule ip f c ip daddr 224.0.0.0/4 ip protocol udp ip frag-off & 0x4000 == 0 drop");
    const found = await examine(host);
    assert.equal(found.report.verdict, "ok", found.story);
    const names = found.report.checks.map(({ name }) => name);
    assert.deepEqual(names, [
      "route",
      "link",
      "connection",
      "enrolment",
      "unicast",
      "multicast",
      "firewall",
      "interface",
      "packet-size",
      "loss",
      "rate",
      "querier",
    ]);
    found.is("multicast", "ok", /200 of 200 test datagrams/);
    found.is("packet-size", "ok", /1500 bytes arrive whole/);
    // The second time by the key that it keeps.
    const program = startDoctor(host, ["--watch", "--seconds", "3"], site, "");
    const { code } = await program.ended;
    assert.equal(code, 0, program.story());
    assert.match(program.output, /^ok\s+membership\s+Multicast arrived for 3 s without a break$/m);
    assert.match(program.output, /^ok\s+querier/m);
  });

  test("no route", async () => {
    const found = await examine(addHost([{ switch: "main", address: "10.99.0.9" }]));
    found.is("route", "fault", /10\.99\.0\.9\/24 \(e0\).*default gateway/);
    assert.equal(found.report.checks.length, 2, found.story);
  });

  test("nothing listens at the site's port, and nobody has its address", async () => {
    const host = addHost();
    const refused = await examine(host, { words: ["--site", `https://${siteAddress}:9`] });
    refused.is("connection", "fault", /ECONNREFUSED.*nothing listens there/);
    const silent = await examine(host, { words: ["--site", "https://10.61.0.250:8443"] });
    silent.is("connection", "fault", /EHOSTUNREACH|no answer/);
  });

  test("no credential, a wrong one, a wrong fingerprint", async () => {
    const missing = await examine(addHost(), { secret: "" });
    missing.is("enrolment", "fault", /no credential is at hand.*--credential-file/);
    const wrong = await examine(addHost(), { secret: "0123456789abcdef0123456789abcdef" });
    wrong.is("enrolment", "fault", /not valid/);
    const stranger = await examine(addHost(), { words: ["--fingerprint", "ab".repeat(32)] });
    stranger.is("enrolment", "fault", /fingerprint/);
  });

  test("a firewall that drops UDP on its way in", async () => {
    const host = addHost();
    host.run("nft", "add table ip f; add chain ip f c { type filter hook input priority 0; }");
    host.run("nft", "add rule ip f c meta l4proto udp drop");
    const found = await examine(host);
    found.is("firewall", "fault", /reach e0, but not this program.*own firewall/);
    found.is("unicast", "fault", /0 answers came back/);
    found.is("multicast", "fault", /^0 of 200/);
  });

  test("a firewall that lets only answers in", async () => {
    const host = addHost();
    host.run("nft", "add table ip f; add chain ip f c { type filter hook input priority 0; }");
    host.run("nft", "add rule ip f c ip daddr 224.0.0.0/4 drop");
    const found = await examine(host);
    found.is("unicast", "ok", /60 answers came back/);
    found.is("firewall", "fault", /own firewall.*multicast included/);
  });

  test("a firewall that drops UDP on its way out", async () => {
    const host = addHost();
    host.run("nft", "add table ip f; add chain ip f c { type filter hook output priority 0; }");
    host.run("nft", "add rule ip f c meta l4proto udp drop");
    const found = await examine(host);
    found.is("unicast", "fault", /^0 of 60 UDP packets reached the site.*--port-range/);
    found.is("multicast", "ok", /./);
  });

  test("no querier; one of version 3", async () => {
    network.setSwitch("main", { mcast_querier: 0 });
    const without = await examine(addHost());
    without.is("querier", "warning", /No querier.*--watch/);
    assert.equal(without.report.verdict, "warning", without.story);
    network.setSwitch("main", { mcast_querier: 1, mcast_igmp_version: 3 });
    const third = await examine(addHost());
    third.is("querier", "ok", /A querier asks/);
    network.setSwitch("main", { mcast_igmp_version: 2 });
  });

  test("a switch that forgets the group", async () => {
    network.setSwitch("main", { mcast_membership_interval: 400, mcast_startup_query_interval: 12_500 });
    const found = await examine(addHost(), { words: ["--watch", "--seconds", "60"] });
    found.is("membership", "fault", /stopped \d+ s after .*came back when it joined anew.*querier/);
    network.setSwitch("main", { mcast_membership_interval: 26_000 });
  });

  test("a network that carries no multicast", async () => {
    network.addSwitch("plain");
    network.cable("main", "plain", 1500);
    const host = addHost([{ switch: "plain", address: "10.61.0.201" }]);
    network.closePortToMulticast(host.ports[0] ?? "");
    const found = await examine(host);
    found.is("multicast", "fault", /^0 of 200.*does not bring it to this card. No querier/);
    found.is("unicast", "ok", /./);
    assert.ok(!found.report.checks.some(({ name }) => name === "firewall"), found.story);
  });

  test("a smaller packet size in the middle of the path", async () => {
    network.addSwitch("behind");
    network.cable("main", "behind", 1400);
    const found = await examine(addHost([{ switch: "behind", address: "10.61.0.200" }]));
    found.is("packet-size", "fault", /Packets of 1400 bytes arrive, of 1420 do not.*--mtu 1400/);
    found.is("multicast", "ok", /./);
    found.is("loss", "ok", /./);
  });

  test("a packet size in the middle of the path that not even HTTPS gets through", async () => {
    network.addSwitch("narrow");
    network.cable("main", "narrow", 600);
    const found = await examine(addHost([{ switch: "narrow", address: "10.61.0.202" }]));
    found.is("connection", "ok", /./);
    found.is("packet-size", "fault", /Short packets come back from the site, its longer answers do not/);
  });

  test("a card with a smaller packet size", async () => {
    const host = addHost();
    host.run("ip", "link", "set", "e0", "mtu", "1400");
    const found = await examine(host);
    found.is("packet-size", "fault", /e0 takes 1400 bytes, sessions have 1480.*--mtu 1400/);
  });

  test("a slow link", async () => {
    const host = addHost();
    network.shapePort(host.ports[0] ?? "", 20);
    const says = /Loss starts between (10 and 20|20 and 50) Mbit\/s.*about (1[6-9]|2[0-2]) Mbit\/s arrive/;
    let found = await examine(host);
    // What arrives is counted over a third of a second, in which a busy machine may stand still.
    for (let tries = 1; tries < 3 && !says.test(found.story); tries += 1) found = await examine(host);
    found.is("loss", "ok", /./);
    found.is("rate", "fault", says);
  });

  test("a card at 100 Mbit/s and half duplex", async () => {
    const host = addHost();
    const words = ["speed", "duplex"].map((fact) => {
      const path = join(room.folder, fact);
      writeFileSync(path, fact === "speed" ? "100\n" : "half\n");
      return `mount --bind ${path} /sys/class/net/e0/${fact}`;
    });
    // In a mount name space of its own, which `ip netns exec` makes.
    const prefix = [...host.prefix, "sh", "-c", `${words.join(" && ")} && exec "$0" "$@"`];
    const found = await examine({ space: host.space, prefix });
    found.is("link", "fault", /e0 .*100 Mbit\/s, half duplex.*negotiate/);
  });

  test("loss at every rate", async () => {
    const host = addHost();
    host.run("nft", "add table ip f; add chain ip f c { type filter hook prerouting priority 0; }");
    host.run("nft", "add rule ip f c ip daddr 224.0.0.0/4 numgen random mod 100 < 5 drop");
    const found = await examine(host);
    found.is("loss", "warning", /\(\d\.\d %\) at 10 Mbit\/s.*bad cable/);
    found.is("rate", "ok", /./);
  });

  test("the wrong interface: a site that casts into another network", async () => {
    const host = addHost([
      { switch: "main", address: "10.61.0.210" },
      { switch: "other", address: "10.62.0.210" },
    ]);
    const secret = newCredential(elsewhere);
    const found = await examine(host, { at: elsewhere, secret });
    found.is("interface", "fault", /arrives on e1 \(10\.62\.0\.210\), not on e0.*--interface 10\.62\.0\.210/);
    const named = await examine(host, { at: elsewhere, secret, words: ["--interface", "10.62.0.210"] });
    named.is("multicast", "ok", /200 of 200.*on e1/);
  });

  test("the wrong interface: the route to the site over one, that of multicast over the other", async () => {
    const host = addHost([
      { switch: "main", address: "10.61.0.211" },
      { switch: "other", address: "10.62.0.211" },
    ]);
    host.run("ip", "route", "add", "224.0.0.0/4", "dev", "e1");
    const found = await examine(host);
    found.is("interface", "warning", /e0 .*hears it, but its route for multicast leads over 10\.62\.0\.211/);
    const named = await examine(host, { words: ["--interface", "10.62.0.211"] });
    named.is("interface", "fault", /arrives on e0 \(10\.61\.0\.211\), not on e1/);
  });

  test("reverse-path filtering", async () => {
    const host = addHost([
      { switch: "main", address: "10.61.0.212" },
      { switch: "main", address: "10.63.0.212" },
    ]);
    host.run("sysctl", "-q", "-w", "net.ipv4.conf.e1.rp_filter=1");
    const found = await examine(host, { words: ["--interface", "10.63.0.212"] });
    found.is("firewall", "fault", /Reverse-path filtering.*net\.ipv4\.conf\.e1\.rp_filter/);
  });

  test("a router between, and a time to live of 1", async () => {
    network.addSwitch("far");
    const router = addHost([
      { switch: "main", address: "10.61.0.220" },
      { switch: "far", address: "10.64.0.1" },
    ]);
    router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
    server.run("ip", "route", "add", "10.64.0.0/24", "via", "10.61.0.220");
    const host = addHost([{ switch: "far", address: "10.64.0.2" }]);
    host.run("ip", "route", "add", "default", "via", "10.64.0.1");
    const found = await examine(host);
    found.is("unicast", "ok", /./);
    found.is("multicast", "fault", /behind a router: start the site with --time-to-live 2/);
  });
}
