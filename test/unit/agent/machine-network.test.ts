/** What Linux says of its network, from files that were laid out for the test. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { linuxNetwork } from "../../../agent/platform/linux/machine-network.ts";
import { isOnLink } from "../../../agent/platform/machine-network.ts";
import { testFolder } from "../../fixtures/folder.ts";

function networkOf(context: TestContext, files: Record<string, string>) {
  const root = testFolder(context);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return linuxNetwork(root);
}

test("facts of a card; what a driver does not know is null", (context) => {
  const at = "sys/class/net/lo";
  const known = networkOf(context, {
    [`${at}/speed`]: "100\n",
    [`${at}/duplex`]: "half\n",
    [`${at}/mtu`]: "1400\n",
  });
  const card = known.links().find(({ name }) => name === "lo");
  assert.deepEqual(
    [card?.speedMbps, card?.duplex, card?.mtuBytes, card?.wireless, card?.loopback],
    [100, "half", 1400, false, true],
  );
  const unknown = networkOf(context, {
    [`${at}/speed`]: "-1\n",
    [`${at}/duplex`]: "unknown\n",
    [`${at}/wireless/status`]: "0\n",
  });
  const other = unknown.links().find(({ name }) => name === "lo");
  assert.deepEqual(
    [other?.speedMbps, other?.duplex, other?.mtuBytes, other?.wireless],
    [null, null, null, true],
  );
});

test("counters are found by their names, and are null where there are none", (context) => {
  const files = {
    "sys/class/net/eth0/statistics/rx_packets": "12345\n",
    "proc/net/snmp":
      "Ip: Forwarding ReasmOKs\nIp: 1 17\nUdp: InDatagrams RcvbufErrors InErrors\nUdp: 5 3 9\nUdpLite: RcvbufErrors\nUdpLite: 99\n",
    "proc/net/netstat": "TcpExt: SyncookiesSent IPReversePathFilter\nTcpExt: 1 44\n",
  };
  const network = networkOf(context, files);
  assert.deepEqual(network.counters("eth0"), {
    packets: 12_345,
    overflows: 3,
    reassembled: 17,
    wrongWay: 44,
  });
  assert.equal(network.counters("eth1"), null);
  assert.ok(linuxNetwork().counters("lo"), "this machine counts");
});

const igmp = (eth0: string, eth1: string): string =>
  `Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
2\teth0      :     2      V3
\t\t\t\t${eth0}\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
3\teth1      :     1      ${eth1}
`;

test("a querier is heard by an old version, or by a group's timer that runs", (context) => {
  const group = "239.192.1.2";
  const heard = (table: string, more: Record<string, string> = {}) =>
    networkOf(context, { "proc/net/igmp": table, ...more });
  const quiet = heard(igmp("0201C0EF     1 0:00000000", "V2"));
  assert.equal(quiet.querierHeard("eth0", group), false);
  assert.equal(quiet.querierHeard("eth1", group), true);
  assert.equal(quiet.querierHeard("eth2", group), false);
  const asked = heard(igmp("0201C0EF     1 1:00000021", "V3"));
  assert.equal(asked.querierHeard("eth0", group), true);
  assert.equal(asked.querierHeard("eth0", "239.192.1.3"), false);
  assert.equal(asked.querierHeard("eth1", group), false);
});

test("where a version is forced or there is no table, nothing is said", (context) => {
  const forced = {
    "proc/net/igmp": igmp("0201C0EF 1 0:0", "V2"),
    "proc/sys/net/ipv4/conf/eth1/force_igmp_version": "2\n",
  };
  assert.equal(networkOf(context, forced).querierHeard("eth1", "239.192.1.2"), null);
  assert.equal(networkOf(context, {}).querierHeard("eth1", "239.192.1.2"), null);
});

test("which addresses are in a link's network", () => {
  const link = { address: "10.61.3.200", prefixBits: 22 };
  for (const address of ["10.61.0.1", "10.61.3.255"]) assert.ok(isOnLink(link, address), address);
  for (const address of ["10.61.4.1", "10.60.0.1", "192.0.2.1"]) assert.ok(!isOnLink(link, address), address);
  assert.ok(isOnLink({ address: "192.0.2.1", prefixBits: 0 }, "10.0.0.1"));
});
