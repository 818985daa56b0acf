/** The site's drivers by device: packages as folders and zips, read where they lie, and given to whom they fit. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { siteServices, type SiteServicesOptions } from "../../agent/deploying/site-services.ts";
import { DeploymentSite } from "../../agent/site/deployment-site.ts";
import type { SiteClient } from "../../agent/site/site-client.ts";
import type { DriverRecord, SequenceRecord } from "../../contract/sequence.ts";
import { enrolClient } from "../fixtures/enrolled-client.ts";
import { inf } from "../fixtures/inf-text.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";
import { zipOf } from "../unit/agent/sequence/sequence-files.ts";

const network = "PCI\\VEN_8086&DEV_15B8";
const video = "PCI\\VEN_10DE&DEV_1C03";

let room: Room;
let site: SiteProcess;
before(async () => {
  room = await openRoom("driver catalogue");
  site = await room.startSite();
});
after(() => room.close());

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);
const drivers = async (...words: string[]): Promise<DriverRecord[]> =>
  JSON.parse(await volley("package", "drivers", ...words, "--json")) as DriverRecord[];

/** Of a machine to which the deployment is. */
async function catalogueOf(deploymentId: string, client: SiteClient) {
  const options = {
    site: new DeploymentSite(client, deploymentId),
    state: { path: room.folder },
    by: { signal: new AbortController().signal },
    deployment: { id: deploymentId },
  };
  return siteServices(options as unknown as SiteServicesOptions).driverCatalogue;
}

test("a machine is given the packages that have a driver for it, and people see which INF that is", async (t) => {
  const folder = join(room.folder, "net");
  mkdirSync(join(folder, "inner"), { recursive: true });
  writeFileSync(
    join(folder, "inner", "NET.INF"),
    inf({ hardwareIds: `${network.toLowerCase()}, PCI\\CC_0200` }),
  );
  writeFileSync(join(folder, "notes.inf"), "no driver at all");
  await volley("package", "add", folder, "--id", "NET00001", "--drivers", "Net");
  const zip = join(room.folder, "video.zip");
  writeFileSync(
    zip,
    zipOf([{ name: "Display/video.inf", content: inf({ hardwareIds: video, decoration: "NTx86" }) }]),
  );
  await volley("package", "add", zip, "--id", "VID00001", "--drivers", "Display");
  writeFileSync(join(room.folder, "bad.zip"), "PK nothing");
  const bad = volley("package", "add", join(room.folder, "bad.zip"), "--id", "BAD00001", "--drivers", "Net");
  await assert.rejects(bad, /E_SOURCE_READ/);

  const all = await waitFor(
    async () => {
      const found = await drivers();
      return found.length === 2 ? found : null;
    },
    { what: "both packages to be read" },
  );
  assert.deepEqual(
    all.map(({ packageId, path, version }) => [packageId, path, version]),
    [
      ["NET00001", "inner/NET.INF", "12.19.1.37"],
      ["VID00001", "Display/video.inf", "12.19.1.37"],
    ],
  );
  const fitting = await drivers("--device", network.toLowerCase());
  assert.deepEqual(
    fitting.map(({ packageId }) => packageId),
    ["NET00001"],
  );

  const { client, close, id } = await enrolClient(site, "driven", join(room.folder, "state"));
  t.after(close);
  const file = join(room.folder, "drives.xml");
  writeFileSync(file, sequenceText(commandStep("One", "true")));
  const sequence = JSON.parse(await volley("sequence", "add", file, "--json")) as SequenceRecord;
  const wanted = { name: "drives", imageId: null, sequenceId: sequence.id, machines: [id] };
  const catalogue = await catalogueOf((await site.createDeployment(wanted)).id, client);
  const device = (...hardwareIds: string[]) => [
    { name: "a device", hardwareIds, compatibleIds: ["PCI\\CC_0200"] },
  ];
  const given = async (categories: string[], devices: ReturnType<typeof device>): Promise<string[]> =>
    (await catalogue.packages(categories, devices)).map(({ packageId }) => packageId);
  assert.deepEqual(await given([], device("PCI\\VEN_1AF4")), ["NET00001"], "by a compatible identifier");
  assert.deepEqual((await given([], device(video))).toSorted(), ["NET00001", "VID00001"]);
  assert.deepEqual(await given(["display"], device(video)), ["VID00001"]);
  assert.deepEqual(await given([], [{ name: "none", hardwareIds: ["USB\\X"], compatibleIds: [] }]), []);

  await volley("package", "remove", "VID00001");
  assert.equal((await drivers()).length, 1);
});
