/**
 * The room of a site with machines in two buildings, in the browser: each tile says where its machine is served, and the filter
 * by building shows those of one, as they go on and as more of them come.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { ImageRecord } from "../../contract/administration.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { faultsOf, openSignedIn } from "../fixtures/page.ts";
import { PointProcess } from "../fixtures/point-process.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 64;
/** Half a minute for the whole image, so that there is time to look. */
const rateMbps = 8;

const title = "on a network of hosts: the page with machines in two buildings";
testOnNetwork({ title, hostCount: 5, file: import.meta.url }, ({ hosts: [server, annexe, ...machines] }) => {
  assert.ok(server && annexe);
  tests(server, annexe, machines);
});

function tests(server: Host, annexe: Host, hosts: readonly Host[]): void {
  let room: Room;
  let site: SiteProcess;
  let point: PointProcess;
  let record: ImageRecord;
  let browser: Browser;
  let page: Page;
  before(async () => {
    room = await openRoom("page buildings");
    site = await room.startSite({ address: server.address });
    record = await site.importImage((await room.makeImage(mebibytes)).path, "lab");
    const boundaries = hosts.slice(1).map(({ address }) => `${address}/32`);
    const folder = join(room.folder, "annexe");
    point = new PointProcess(site, { name: "annexe", ...annexe, boundaries, folder });
    await point.start();
    await site.client.post(`/images/${record.id}/points`, { add: [point.id] });
    await point.holds(record.id);
    ({ browser, page } = await openSignedIn(site));
  });
  after(async () => {
    await browser?.close();
    await point?.kill();
    await room.close();
  });

  const start = async (index: number): Promise<AgentProcess> => {
    const { prefix = [] } = hosts[index] ?? {};
    return room.startAgent(site, { name: `pc-${index}`, disk: await room.makeDisk(mebibytes), prefix });
  };
  const tile = (name: string) => page.locator(".machine", { hasText: name });
  const partOf = async (name: string): Promise<number> =>
    Number(await tile(name).locator("progress").getAttribute("value"));
  const shows = (...names: string[]): Promise<unknown> =>
    waitFor(async () => (await page.locator(".machine h3").allTextContents()).join() === names.join(), {
      what: `the tiles of ${names.join(" and ")} alone`,
      everyMs: 50,
      story: () => `${site.process.story()}\n${point.story()}`,
    });
  const goesOn = async (name: string): Promise<void> => {
    const part = await partOf(name);
    await waitFor(async () => (await partOf(name)) > part, { what: `more of ${name}`, everyMs: 100 });
  };

  test("the filter by building shows the machines of one, live, and says where each is", async () => {
    await site.createDeployment({ name: "lab 1", imageId: record.id, rateMbps });
    const agents = await Promise.all([start(0), start(1)]);
    const filter = page.getByLabel("Building");
    await tile("pc-0").getByText("lab 1, the site", { exact: true }).waitFor();
    await tile("pc-1").getByText("lab 1, annexe", { exact: true }).waitFor();
    assert.deepEqual(await filter.locator("option").allTextContents(), [
      "Any building",
      "the site",
      "annexe",
    ]);
    await shows("pc-0", "pc-1");
    await page.evaluate("window.isUntouched = true");
    await filter.selectOption("the site");
    await shows("pc-0");
    await goesOn("pc-0");
    await filter.selectOption("annexe");
    await shows("pc-1");
    await goesOn("pc-1");
    agents.push(await start(2));
    await shows("pc-1", "pc-2");
    await tile("pc-2").getByText("lab 1, annexe", { exact: true }).waitFor();
    assert.deepEqual(await faultsOf(page), []);
    await filter.selectOption("the site");
    await shows("pc-0");
    for (const agent of agents) await agent.exits(0);
    await page.locator('.machine[data-state="succeeded"]', { hasText: "pc-0" }).waitFor();
    await shows("pc-0");
    await page.getByRole("button", { name: "Done 3" }).click();
    await shows("pc-0");
    await filter.selectOption("annexe");
    await shows("pc-1", "pc-2");
    await filter.selectOption("Any building");
    await shows("pc-0", "pc-1", "pc-2");
    assert.equal(await page.evaluate("window.isUntouched"), true);
    const casters = agents.map(
      ({ output }) => / of (distribution point annexe|the site) on /.exec(output)?.[1],
    );
    const served = "distribution point annexe";
    assert.deepEqual(casters, ["the site", served, served]);
  });
}
