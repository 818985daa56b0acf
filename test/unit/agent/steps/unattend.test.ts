/** Apply Windows Settings and Apply Network Settings: what stands in the answer file, and who may read it. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext as Test } from "node:test";
import { applyNetworkSettings } from "../../../../agent/steps/apply-network-settings.ts";
import { applyWindowsSettings } from "../../../../agent/steps/apply-windows-settings.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import type { StepKind } from "../../../../agent/steps/step.ts";
import {
  checkAnswerFile,
  emptyAnswerFile,
  readAnswerFile,
  setSetting,
} from "../../../../agent/steps/unattend/answer-file.ts";
import { prefixOf } from "../../../../agent/steps/unattend/network.ts";
import {
  elementsOf,
  parseXml,
  textOf,
  writeXml,
  type XmlElement,
} from "../../../../agent/steps/xml/document.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { testContext, type TestContext } from "../../../fixtures/step-context.ts";
import { fakeProgram } from "../../../fixtures/windows-image.ts";

const shell = "Microsoft-Windows-Shell-Setup";

interface Room {
  path: string;
  context(properties: Record<string, string>, variables?: Record<string, string>): TestContext;
}

/** Windows PE with an applied Windows on C:, which is a folder. */
function makeRoom(t: Test, machine = 0x8664): Room {
  const folder = testFolder(t);
  const system = join(folder, "Windows", "System32");
  mkdirSync(system, { recursive: true });
  writeFileSync(join(system, "ntoskrnl.exe"), fakeProgram(machine));
  return {
    path: join(folder, "Windows", "Panther", "Unattend", "Unattend.xml"),
    context: (properties, variables = {}) =>
      testContext({
        properties,
        variables: { OSDTargetSystemDrive: "C:", ...variables },
        system: "winpe",
        services: { folders: { work: join(folder, "work"), driveRoot: () => folder } },
      }),
  };
}

async function perform(kind: StepKind, context: TestContext): Promise<void> {
  const outcome = await kind.perform(context);
  assert.equal(outcome.exitCode, 0, outcome.text);
}

/** The text at `path`, in the first element of each name; null when it is not there. */
function value(
  root: XmlElement,
  pass: "specialize" | "oobeSystem",
  component: string,
  path: string,
): string | null {
  let found = elementsOf(root, "settings").find(({ attributes }) => attributes.get("pass") === pass);
  if (found === undefined) return null;
  found = elementsOf(found, "component").find(({ attributes }) => attributes.get("name") === component);
  for (const name of path.split("/")) found = found && elementsOf(found, name)[0];
  return found === undefined ? null : textOf(found);
}

test("Windows settings stand where the reference has them", async (t) => {
  const room = makeRoom(t);
  const context = room.context(
    {
      ComputerName: "PC-%Number%",
      ProductKey: "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
      RegisteredUserName: "A & B",
      RegisteredOrgName: "Org",
      TimeZone: "W. Europe Standard Time",
      RandomAdminPassword: "false",
      AdminPassword: 'p<a>"ss',
      InputLocale: "0409:00000409",
      UILanguage: "de-DE",
    },
    { Number: "7" },
  );
  await perform(applyWindowsSettings, context);
  const root = await readAnswerFile(room.path);
  const international = "Microsoft-Windows-International-Core";
  const rows: ["specialize" | "oobeSystem", string, string, string][] = [
    ["specialize", shell, "ComputerName", "PC-7"],
    ["specialize", shell, "ProductKey", "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"],
    ["specialize", shell, "RegisteredOwner", "A & B"],
    ["oobeSystem", shell, "RegisteredOrganization", "Org"],
    ["specialize", shell, "TimeZone", "W. Europe Standard Time"],
    ["oobeSystem", international, "InputLocale", "0409:00000409"],
    ["oobeSystem", international, "UILanguage", "de-DE"],
    ["oobeSystem", shell, "OOBE/HideEULAPage", "true"],
    ["oobeSystem", shell, "UserAccounts/AdministratorPassword/PlainText", "false"],
  ];
  for (const [pass, component, path, wanted] of rows) {
    assert.equal(value(root, pass, component, path), wanted, path);
  }
  const password = value(root, "oobeSystem", shell, "UserAccounts/AdministratorPassword/Value") ?? "";
  assert.equal(Buffer.from(password, "base64").toString("utf16le"), 'p<a>"ssAdministratorPassword');
  assert.equal(statSync(room.path).mode & 0o777, 0o600);
  assert.deepEqual(checkAnswerFile(root), []);
  const [first] = elementsOf(root, "settings").flatMap((pass) => elementsOf(pass, "component"));
  assert.equal(first?.attributes.get("publicKeyToken"), "31bf3856ad364e35");
  assert.equal(first?.attributes.get("processorArchitecture"), "amd64");
  assert.doesNotMatch(context.lines.join("\n"), /AAAAA|p<a>/);
});

test("a random password and a disabled account are what the step does by itself", async (t) => {
  const room = makeRoom(t, 0xaa64);
  const passwords = new Set<string>();
  for (let round = 0; round < 2; round += 1) {
    const context = room.context({ ComputerName: "PC1" });
    await perform(applyWindowsSettings, context);
    assert.equal(context.variables.get("_VolleyDisableAdministrator"), "true");
    const root = await readAnswerFile(room.path);
    passwords.add(value(root, "oobeSystem", shell, "UserAccounts/AdministratorPassword/Value") ?? "");
    assert.match(readFileSync(room.path, "utf8"), /processorArchitecture="arm64"/);
  }
  assert.equal(passwords.size, 2);
});

test("values that Windows Setup would refuse after the restart are refused before, and not repeated", async (t) => {
  const rows: [string, Record<string, string>, string][] = [
    ["a name of 16 characters", { ComputerName: "ABCDEFGHIJKLMNOP" }, "ABCDEFGHIJKLMNOP"],
    ["a name of digits", { ComputerName: "12345" }, "12345"],
    ["a name with a blank", { ComputerName: "A B" }, "A B"],
    ["half a product key", { ComputerName: "PC1", ProductKey: "AAAAA-BBBBB" }, "AAAAA"],
    ["a line end", { ComputerName: "PC1", RegisteredOrgName: "a\u0001b" }, "\u0001"],
    ["no password where one is wanted", { ComputerName: "PC1", RandomAdminPassword: "false" }, "no-secret"],
  ];
  for (const [name, properties, secret] of rows) {
    const room = makeRoom(t);
    const outcome = await applyWindowsSettings.perform(room.context(properties));
    assert.equal(outcome.exitCode, codes.invalidSetting, name);
    assert.ok(!outcome.text.includes(secret), name);
  }
  const none = testContext({ system: "winpe", properties: { ComputerName: "PC1" } });
  assert.equal((await applyWindowsSettings.perform(none)).exitCode, codes.notFound, "no Windows was applied");
});

test("the settings of a given answer file stay, and are changed where the step says so", async (t) => {
  const room = makeRoom(t);
  mkdirSync(join(room.path, ".."), { recursive: true });
  const component = (inner: string) =>
    `<component name="${shell}" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">${inner}</component>`;
  const text = `<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="oobeSystem">${component("<FirstLogonCommands/>")}</settings><settings pass="specialize">${component("<ComputerName>OLD</ComputerName><CopyProfile>true</CopyProfile>")}</settings></unattend>`;
  writeFileSync(room.path, Buffer.from(`\uFEFF${text}`, "utf16le"));
  await perform(applyWindowsSettings, room.context({ ComputerName: "NEW" }));
  const root = await readAnswerFile(room.path);
  assert.equal(value(root, "specialize", shell, "ComputerName"), "NEW");
  assert.equal(value(root, "specialize", shell, "CopyProfile"), "true");
  assert.equal(value(root, "oobeSystem", shell, "FirstLogonCommands"), "");
  assert.equal(elementsOf(root, "settings").length, 2);
});

test("what is no answer file is refused", async (t) => {
  for (const text of [
    "",
    "<unattend",
    "<other/>",
    "<unattend/>",
    '<!DOCTYPE unattend [<!ENTITY a SYSTEM "file:///etc/passwd">]><unattend xmlns="urn:schemas-microsoft-com:unattend">&a;</unattend>',
    `<unattend xmlns="urn:schemas-microsoft-com:unattend">${"<a>".repeat(5000)}`,
  ]) {
    const room = makeRoom(t);
    mkdirSync(join(room.path, ".."), { recursive: true });
    writeFileSync(room.path, text);
    const outcome = await applyWindowsSettings.perform(room.context({ ComputerName: "PC1" }));
    assert.equal(outcome.exitCode, codes.invalidData, text.slice(0, 40));
  }
});

const join1 = "Microsoft-Windows-UnattendedJoin";

test("a domain with its unit and account, or a workgroup; the last step counts", async (t) => {
  const room = makeRoom(t);
  const domain = room.context({
    NetworkJoinType: "0",
    DomainName: "corp.example",
    DomainOUName: "LDAP://OU=Rooms,DC=corp,DC=example",
    DomainUsername: "CORP\\joiner",
    DomainPassword: "s3cret!",
  });
  await perform(applyNetworkSettings, domain);
  const root = await readAnswerFile(room.path);
  const rows: [string, string][] = [
    ["JoinDomain", "corp.example"],
    ["MachineObjectOU", "OU=Rooms,DC=corp,DC=example"],
    ["Credentials/Domain", "CORP"],
    ["Credentials/Username", "joiner"],
    ["Credentials/Password", "s3cret!"],
  ];
  for (const [path, wanted] of rows) {
    assert.equal(value(root, "specialize", join1, `Identification/${path}`), wanted);
  }
  assert.doesNotMatch(domain.lines.join("\n"), /s3cret/);
  await perform(applyNetworkSettings, room.context({ NetworkJoinType: "1", WorkgroupName: "ROOM" }));
  const after = await readAnswerFile(room.path);
  assert.equal(value(after, "specialize", join1, "Identification/JoinWorkgroup"), "ROOM");
  assert.equal(value(after, "specialize", join1, "Identification/JoinDomain"), null);
});

test("an export without secrets says what to enter again", async (t) => {
  const room = makeRoom(t);
  const context = room.context({
    NetworkJoinType: "0",
    DomainName: "corp.example",
    DomainUsername: "CORP\\joiner",
  });
  const outcome = await applyNetworkSettings.perform(context);
  assert.equal(outcome.exitCode, codes.invalidSetting);
  assert.match(outcome.text, /entered again/);
});

test("a fixed address, its gateways, DNS and WINS, by MAC address, name or place", async (t) => {
  const room = makeRoom(t);
  const adapter = {
    Adapters0EnableDHCP: "false",
    Adapters0MACAddress: "00:15:5d:0a:0b:0c",
    Adapters0IPAddressList: "192.0.2.7,198.51.100.9",
    Adapters0SubnetMask: "255.255.255.0,255.255.0.0",
    Adapters0Gateways: "192.0.2.1",
    Adapters0GatewayCostMetric: "5",
    Adapters0DNSServerList: "192.0.2.53,192.0.2.54",
    Adapters0DNSDomain: "example",
    Adapters0EnableDNSRegistration: "false",
    Adapters0WINSServerList: "192.0.2.60",
    Adapters0TcpipNetbiosOptions: "2",
  };
  await perform(applyNetworkSettings, room.context({ NumAdapters: "2", ...adapter, Adapters1Name: "LAN 2" }));
  const root = await readAnswerFile(room.path);
  const tcpip = "Microsoft-Windows-TCPIP";
  const inside = "Interfaces/Interface";
  const rows: [string, string, string][] = [
    [tcpip, `${inside}/Identifier`, "00-15-5D-0A-0B-0C"],
    [tcpip, `${inside}/Ipv4Settings/DhcpEnabled`, "false"],
    [tcpip, `${inside}/UnicastIpAddresses/IpAddress`, "192.0.2.7/24"],
    [tcpip, `${inside}/Routes/Route/NextHopAddress`, "192.0.2.1"],
    [tcpip, `${inside}/Routes/Route/Metric`, "5"],
    ["Microsoft-Windows-DNS-Client", `${inside}/DNSServerSearchOrder/IpAddress`, "192.0.2.53"],
    ["Microsoft-Windows-DNS-Client", `${inside}/DisableDynamicUpdate`, "true"],
    ["Microsoft-Windows-NetBT", `${inside}/NameServerList/IpAddress`, "192.0.2.60"],
    ["Microsoft-Windows-NetBT", `${inside}/NetbiosOptions`, "2"],
  ];
  for (const [component, path, wanted] of rows) {
    assert.equal(value(root, "specialize", component, path), wanted, path);
  }
  const text = readFileSync(room.path, "utf8");
  assert.match(text, /<IpAddress wcm:action="add" wcm:keyValue="2">198\.51\.100\.9\/16</);
  assert.match(text, /<Identifier>LAN 2</);
  assert.deepEqual(checkAnswerFile(root), []);
  const off = makeRoom(t);
  await perform(
    applyNetworkSettings,
    off.context({ NumAdapters: "1", ...adapter, Adapters0EnableWINS: "FALSE" }),
  );
  assert.doesNotMatch(readFileSync(off.path, "utf8"), /192\.0\.2\.60/, "WINS is not enabled");
  const unknown = await applyNetworkSettings.perform(room.context({ NumAdapters: "1" }));
  assert.equal(unknown.exitCode, codes.notFound);
});

test("masks", () => {
  const rows: [string, number | null][] = [
    ["255.255.255.0", 24],
    ["255.255.255.255", 32],
    ["0.0.0.0", 0],
    ["255.0.255.0", null],
    ["255.255.255", null],
    ["256.0.0.0", null],
    ["", null],
  ];
  for (const [mask, prefix] of rows) {
    if (prefix === null) {
      assert.throws(() => prefixOf("192.0.2.1", mask), { exitCode: codes.invalidSetting }, mask);
    } else assert.equal(prefixOf("192.0.2.1", mask), prefix);
  }
});

test("Volley writes no setting that is not documented where it stands", () => {
  const root = emptyAnswerFile();
  const places = [
    { pass: "oobeSystem", component: shell, path: "ComputerName" },
    { pass: "specialize", component: shell, path: "ComputerNames" },
    { pass: "specialize", component: "Microsoft-Windows-Shell", path: "ComputerName" },
  ] as const;
  for (const place of places) assert.throws(() => setSetting(root, "amd64", place, "PC1"), /has no setting/);
});

test("checkAnswerFile names settings in the wrong pass, wrong tokens and wrong values", () => {
  const component = (name: string, token: string, inner: string) =>
    `<component name="${name}" processorArchitecture="amd64" publicKeyToken="${token}" language="neutral" versionScope="nonSxS">${inner}</component>`;
  const rows: [string, string, string][] = [
    ["pass", "windowsPE", component(shell, "31bf3856ad364e35", "<ComputerName>A</ComputerName>")],
    ["token", "specialize", component(shell, "0123456789abcdef", "")],
    ["value", "specialize", component(shell, "31bf3856ad364e35", "<ProductKey>nonsense</ProductKey>")],
    ["no such pass", "sometime", ""],
  ];
  for (const [name, pass, inner] of rows) {
    const text = `<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="${pass}">${inner}</settings></unattend>`;
    assert.equal(checkAnswerFile(parseXml(text)).length, 1, name);
  }
});

test("XML is written as it was read", () => {
  const text = '<a x="&quot;&amp;&lt;"><b>t &lt;&amp;&gt;</b><c/><d><![CDATA[<x>]]></d></a>';
  const once = parseXml(writeXml(parseXml(text)));
  assert.equal(once.attributes.get("x"), '"&<');
  assert.deepEqual(
    elementsOf(once).map((child) => textOf(child)),
    ["t <&>", "", "<x>"],
  );
});
