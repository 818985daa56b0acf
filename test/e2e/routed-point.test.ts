/**
 * Two buildings with a router between, which passes no multicast: the machines of each are served in it, those beside the
 * distribution point by the point, over the router only what the site has to say, and the image once.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ImageRecord } from "../../contract/administration.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { canMakeNetwork } from "../fixtures/network.ts";
import { PointProcess } from "../fixtures/point-process.ts";
import { Program } from "../fixtures/program.ts";
import { diskEquals, openRoom, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { SwitchedNetwork } from "../fixtures/switched-network.ts";

const mebibytes = 32;
/** Names of the hosts in the distant building. */
const distant = ["point", "pc1", "pc2"] as const;
const here = `10.${(process.pid % 200) + 20}`;

/** Where this file runs a second time: on the site's host. */
const placeVariable = "VOLLEY_TEST_BUILDINGS";
interface Place {
  net: string;
  spaces: Record<string, string>;
}

function makeBuildings(): { network: SwitchedNetwork; spaces: Record<string, string> } {
  const network = new SwitchedNetwork();
  network.addSwitch("near");
  network.addSwitch("far");
  const hosts = {
    site: network.addHost("site", [{ switch: "near", address: `${here}.1.1` }]),
    pc0: network.addHost("pc0", [{ switch: "near", address: `${here}.1.10` }]),
    router: network.addHost("router", [
      { switch: "near", address: `${here}.1.254` },
      { switch: "far", address: `${here}.2.254` },
    ]),
    ...Object.fromEntries(
      distant.map((name, index) => [
        name,
        network.addHost(name, [{ switch: "far", address: `${here}.2.${index + 1}` }]),
      ]),
    ),
  };
  hosts.router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
  for (const [name, host] of Object.entries(hosts)) {
    if (name === "router") continue;
    const net = (distant as readonly string[]).includes(name) ? "2" : "1";
    host.run("ip", "route", "add", "default", "via", `${here}.${net}.254`);
  }
  return {
    network,
    spaces: Object.fromEntries(Object.entries(hosts).map(([name, { space }]) => [name, space])),
  };
}

const given = process.env[placeVariable];
if (given === undefined) {
  const wanted = ["long", "site"].includes(process.env["VOLLEY_TEST_LEVEL"] ?? "");
  const skip = !canMakeNetwork()
    ? "needs root and iproute2"
    : wanted
      ? false
      : "about a minute: with --long or --site";
  test("a distribution point behind a router", { skip }, async () => {
    const { network, spaces } = makeBuildings();
    try {
      const words = ["ip", "netns", "exec", spaces["site"] ?? "", "env", "-u", "NODE_TEST_CONTEXT"];
      const file = fileURLToPath(import.meta.url);
      const program = new Program(
        "on the site's host",
        [...words, process.execPath, "--enable-source-maps", file],
        { [placeVariable]: JSON.stringify({ net: here, spaces }) },
      );
      const { code } = await program.ended;
      console.log(program.story());
      assert.equal(code, 0, program.story());
    } finally {
      network.close();
    }
  });
} else {
  tests(JSON.parse(given) as Place);
}

function tests({ net, spaces }: Place): void {
  const prefixOf = (name: string): string[] => ["ip", "netns", "exec", spaces[name] ?? ""];
  let room: Room;
  let site: SiteProcess;
  let point: PointProcess;
  let image: RawImage;
  let record: ImageRecord;
  before(async () => {
    room = await openRoom("routed point");
    site = await room.startSite({ address: `${net}.1.1` });
    image = await room.makeImage(mebibytes);
    record = await site.importImage(image.path, "lab");
    point = new PointProcess(site, {
      name: "annexe",
      address: `${net}.2.1`,
      boundaries: [`${net}.2.0/24`],
      folder: join(room.folder, "annexe"),
      prefix: prefixOf("point"),
    });
    await point.start();
    await site.client.post(`/images/${record.id}/points`, { add: [point.id] });
    await point.holds(record.id);
  });
  after(async () => {
    await point?.kill();
    await room.close();
  });

  test("machines of both buildings are served by multicast where they are, and none crosses the router", async () => {
    await site.createDeployment({ name: "both", imageId: record.id, rateMbps: 100 });
    const names = ["pc0", "pc1", "pc2"];
    const agents = await Promise.all(
      names.map(async (name): Promise<AgentProcess> => {
        const disk = await room.makeDisk(mebibytes);
        const stateFolder = join(room.folder, `state ${name}`);
        return room.startAgent(site, { name, disk, prefix: prefixOf(name), stateFolder });
      }),
    );
    for (const agent of agents) await agent.exits(0, 300_000);
    for (const agent of agents) await diskEquals(agent.disk, image);
    const casters = agents.map(
      ({ output }) => / of (distribution point annexe|the site) on /.exec(output)?.[1],
    );
    const served = "distribution point annexe";
    assert.deepEqual(casters, ["the site", served, served], agents.map(({ output }) => output).join("\n"));
    for (const { outcome, facts } of await site.machines()) {
      const { multicastBytes = 0, unicastBytes = 0 } = outcome ?? {};
      const told = `${facts.name}: ${multicastBytes} by multicast, ${unicastBytes} by unicast`;
      assert.ok(multicastBytes > unicastBytes, told);
    }
    // Of a router that forwards by the kernel's own tables.
    const router = new Program("the router", [...prefixOf("router"), "cat", "/proc/net/snmp"]);
    await router.ended;
    assert.ok(forwarded(router.output) > 0, "nothing was routed at all");
    const groups = new Program("the router's groups", [...prefixOf("router"), "ip", "mroute", "show"]);
    await groups.ended;
    assert.equal(groups.output.trim(), "");
  });
}

/** Packets, by the table Ip of /proc/net/snmp. */
function forwarded(snmp: string): number {
  const [names = [], values = []] = snmp
    .split("\n")
    .filter((line) => line.startsWith("Ip:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("ForwDatagrams")] ?? 0);
}
