import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { machineFacts } from "../../../fixtures/records.ts";
import { macsOf, magicPacket, wakePlaces } from "../../../../site/boot/magic-packet.ts";

test("a magic packet is six bytes of ones and the address sixteen times", () => {
  const expected = "ff".repeat(6) + "0123456789ab".repeat(16);
  assert.equal(magicPacket("01:23:45:67:89:ab").toString("hex"), expected);
  assert.equal(magicPacket("01:23:45:67:89:ab").length, 102);
});

test("a device is woken by the address it was told with and by those that its agent said, each once", () => {
  const facts = { ...machineFacts("pc"), macAddresses: ["02:00:00:00:00:01", "02:00:00:00:00:02"] };
  assert.deepEqual(macsOf({ mac: "02:00:00:00:00:01", facts }), facts.macAddresses);
  assert.deepEqual(macsOf({ mac: "02:00:00:00:00:03", facts: null }), ["02:00:00:00:00:03"]);
  assert.deepEqual(macsOf({ mac: null, facts: null }), []);
});

const ipv4 = (address: string, netmask: string, internal = false): NetworkInterfaceInfo => ({
  address,
  netmask,
  internal,
  family: "IPv4",
  mac: "02:00:00:00:00:ff",
  cidr: null,
});

test("packets leave each interface to everyone once, and to everyone of each of its subnets", () => {
  const places = wakePlaces({
    lo: [ipv4("127.0.0.1", "255.0.0.0", true)],
    eth0: [ipv4("10.1.2.3", "255.255.0.0"), ipv4("192.168.7.130", "255.255.255.128")],
    eth1: [ipv4("172.16.0.1", "255.255.255.252")],
    point: [ipv4("10.9.0.1", "255.255.255.255"), ipv4("10.9.0.2", "255.255.255.254")],
    none: [],
  });
  const told = places.map(({ address, broadcasts, name }) => [name, address, ...broadcasts].join(" "));
  assert.deepEqual(told, [
    "eth0 10.1.2.3 255.255.255.255 10.1.255.255",
    "eth0 192.168.7.130 192.168.7.255",
    "eth1 172.16.0.1 255.255.255.255 172.16.0.3",
    "point 10.9.0.1 255.255.255.255",
    "point 10.9.0.2",
  ]);
});
