/** What Windows is told from Linux to do in its specialize pass; its tools' doubles take the commands. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findStepKind } from "../../../../agent/steps/catalogue.ts";
import { splitWords } from "../../../../agent/steps/command-words.ts";
import { checkAnswerFile } from "../../../../agent/steps/unattend/answer-file.ts";
import { setLayeredDriver } from "../../../../agent/steps/unattend/layered-driver.ts";
import { hostPath } from "../../../../agent/steps/volumes.ts";
import { elementsOf, parseXml, textOf, type XmlElement } from "../../../../agent/steps/xml/document.ts";
import type { TestContext } from "../../../fixtures/step-context.ts";
import { allTools } from "../../../fixtures/windows-tools/all.ts";
import { doubleMachine, windowsTools } from "../../../fixtures/windows-tools/machine.ts";
import { registryOf } from "../../../fixtures/windows-tools/user-tools.ts";
import { windowsVolume } from "../../../fixtures/windows-volume.ts";

const answerFile = "C:\\Windows\\Panther\\Unattend\\Unattend.xml";

/** In the order in which Windows runs them. */
async function commandsOf(context: TestContext): Promise<{ order: number; line: string }[]> {
  const root = parseXml(readFileSync(await hostPath(context, answerFile), "utf8"));
  assert.deepEqual(checkAnswerFile(root), []);
  const passes = elementsOf(root, "settings").filter(
    ({ attributes }) => attributes.get("pass") === "specialize",
  );
  const lists = passes
    .flatMap((pass) => elementsOf(pass, "component"))
    .flatMap((component) => elementsOf(component, "RunSynchronous"));
  const only = (element: XmlElement, name: string): string => {
    const found = elementsOf(element, name);
    assert.equal(found.length, 1, name);
    return textOf(found[0] as XmlElement);
  };
  const commands = lists
    .flatMap((list) => elementsOf(list, "RunSynchronousCommand"))
    .map((command) => ({ order: Number(only(command, "Order")), line: only(command, "Path") }));
  const orders = commands.map(({ order }) => order);
  assert.equal(new Set(orders).size, orders.length, "no two share an order");
  return commands.toSorted((one, other) => one.order - other.order);
}

test("a layered driver, by the registry of the Windows that starts", async (t) => {
  const volume = await windowsVolume(t);
  const rows: [number, Record<string, string>][] = [
    [1, { "layerdriver jpn": "kbd101.dll", "layerdriver kor": "kbd101.dll", overridekeyboardtype: "7" }],
    [3, { "layerdriver kor": "kbd101b.dll", overridekeyboardtype: "8", overridekeyboardsubtype: "4" }],
    [6, { "layerdriver jpn": "kbd106.dll", overridekeyboardidentifier: "PCAT_106KEY" }],
  ];
  for (const [driver, wanted] of rows) {
    const context = volume.context();
    const path = await hostPath(context, answerFile);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, '<unattend xmlns="urn:schemas-microsoft-com:unattend"/>');
    for (let round = 0; round < 2; round += 1) await setLayeredDriver(context, driver);
    assert.match(readFileSync(path, "utf8"), new RegExp(`windowsPE[^]*<LayeredDriver>${driver}<`));
    const machine = doubleMachine({ inPe: false });
    const tools = windowsTools(machine, allTools());
    for (const { line } of await commandsOf(context)) {
      const { exitCode, output } = await tools.run({ command: splitWords(line) });
      assert.equal(exitCode, 0, `${line}\n${output}`);
    }
    const values = registryOf(machine).get("hklm\\system\\currentcontrolset\\services\\i8042prt\\parameters");
    for (const [name, value] of Object.entries(wanted)) {
      assert.equal(values?.get(name)?.split(" ").slice(1).join(" "), value, `${driver} ${name}`);
    }
  }
});

test("packages of two steps, behind a command of the answer file's own, each once", async (t) => {
  const volume = await windowsVolume(t);
  const packages: Record<string, string> = {};
  for (const name of ["one.cab", "two.msu", "lp.cab"]) {
    const folder = join(volume.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, name), name);
    packages[name.toUpperCase().replace(".", "")] = folder;
  }
  const path = await hostPath(volume.context(), answerFile);
  mkdirSync(join(path, ".."), { recursive: true });
  const own =
    '<RunSynchronousCommand wcm:action="add"><Order>100</Order><Path>own.cmd</Path></RunSynchronousCommand>';
  writeFileSync(
    path,
    `<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize"><component name="Microsoft-Windows-Deployment" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS" xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State"><RunSynchronous>${own}</RunSynchronous></component></settings></unattend>`,
  );
  const perform = async (type: string, profile: string): Promise<void> => {
    const context = volume.context({ properties: { PackageSelectionProfile: profile }, packages });
    const outcome = await findStepKind(type)?.perform(context);
    assert.equal(outcome?.exitCode, 0, outcome?.text);
  };
  await perform("BDD_InstallUpdatesOffline", "ONECAB,TWOMSU");
  await perform("BDD_InstallUpdatesOffline", "ONECAB,TWOMSU");
  await perform("BDD_InstallLanguagePacksOffline", "LPCAB");
  const commands = await commandsOf(volume.context());
  assert.equal(commands[0]?.line, "own.cmd");
  const rest = commands.slice(1).map(({ line }) => line);
  assert.deepEqual(
    rest.map((line) => /"%SystemDrive%\\_SMSTaskSequence\\Packages\\(.*)"$/.exec(line)?.[1]),
    ["one.cab", "two.msu", "lp.cab"],
  );
  const staged = await hostPath(volume.context(), "C:\\_SMSTaskSequence\\Packages");
  for (const name of ["one.cab", "two.msu", "lp.cab"]) {
    assert.equal(readFileSync(join(staged, name), "utf8"), name);
  }
});
