/** Machines that capture disks of the same name, and imports that fail: no image is lost without a word. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { DeploymentRequest, type ImportState } from "../../../../contract/administration.ts";
import type { ErrorCode } from "../../../../contract/errors.ts";
import { captureRoutes, resumeCaptures } from "../../../../site/api/captures.ts";
import type { ApiContext } from "../../../../site/api/context.ts";
import type { Call } from "../../../../site/api/route.ts";
import { FileLibrary } from "../../../../site/content/files.ts";
import type { Log } from "../../../../site/log.ts";
import { openStore, type Store } from "../../../../site/store/store.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { waitFor } from "../../../fixtures/program.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

interface Place {
  context: ApiContext;
  store: Store;
  /** Uploads bytes as the machine, and says that they are a captured disk of the name. */
  capture: (name: string) => Promise<string>;
  /** Says that once more. */
  repeat: (name: string, uploadId: string) => Promise<unknown>;
  kept: (uploadId: string) => boolean;
  imports: Map<string, ImportState>;
  /** The errors and warnings that were logged. */
  said: string[];
  deploymentId: string;
}

async function openPlace(t: TestContext): Promise<Place> {
  const folder = testFolder(t);
  const store = await openStore(join(folder, "database"));
  t.after(() => store.close());
  const files = new FileLibrary(join(folder, "files"));
  files.recover(new Set());
  const sequence = {
    id: crypto.randomUUID(),
    name: "capture",
    packageId: "PS100001",
    fileName: "capture.xml",
  };
  await store.sequences.add(
    { ...sequence, bytes: 1, hash: "a".repeat(64), added: new Date().toISOString() },
    { json: null, unchecked: "there is no agent" },
  );
  const wish = { name: "room", imageId: null, machines: "all", sequenceId: sequence.id };
  const deployment = await store.deployments.create(DeploymentRequest.parse(wish));
  const machineId = await store.machines.enrol(machineFacts("one"), "key");
  const imports = new Map<string, ImportState>();
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const log = { error: say, warn: say, info: () => {} } as unknown as Log;
  const tasks = {
    isImporting: (name: string) => name === "of the administrator",
    startImport: ({ name }: { name: string }) => {
      const begun = { bytesDone: 0, bytesTotal: 0, image: null, editions: [], error: null };
      const began = new Date().toISOString();
      const state: ImportState = { id: name, name, began, state: "running", ...begun };
      imports.set(name, state);
      return state;
    },
    importState: (id: string) => imports.get(id),
  };
  const context = { files, log, store, tasks } as unknown as ApiContext;
  const [route] = captureRoutes(context);
  const repeat = async (name: string, uploadId: string): Promise<unknown> =>
    route?.handle({
      machineId,
      request: {
        body: { name, description: "", fileName: "disk.raw", uploadId },
        params: { id: deployment.id },
      },
      reply: { code: () => {} },
    } as unknown as Call);
  return {
    context,
    store,
    imports,
    said,
    deploymentId: deployment.id,
    repeat,
    kept: (uploadId) => existsSync(files.path(`${uploadId}.raw`)),
    capture: async (name) => {
      const bytes = Buffer.alloc(1000, name);
      const hash = createHash("sha256").update(bytes).digest("hex");
      const { id } = await files.begin(machineId, { bytes: bytes.length, hash });
      await files.receive(machineId, id, 0, bytes);
      assert.deepEqual(await repeat(name, id), { packageId: null });
      return id;
    },
  };
}

const begun = ({ imports }: Place, name: string) => waitFor(() => imports.has(name), { what: "import" });

function fail({ imports }: Place, name: string, code: ErrorCode): void {
  const state = imports.get(name);
  assert.ok(state);
  imports.set(name, { ...state, state: "failed", error: { code, detail: "so it is", remedy: "" } });
}

test("a name is refused while an open capture or a running import has it", async (t) => {
  const place = await openPlace(t);
  const first = await place.capture("lab");
  await assert.rejects(place.capture("lab"), { code: "E_CONFLICT" });
  await assert.rejects(place.capture("of the administrator"), { code: "E_CONFLICT" });
  assert.ok(place.kept(first));
});

test("a repeat is answered after the deployment was closed; what is new is not", async (t) => {
  const place = await openPlace(t);
  const first = await place.capture("lab");
  await place.store.deployments.close(place.deploymentId);
  assert.deepEqual(await place.repeat("lab", first), { packageId: null });
  await assert.rejects(place.capture("other"), { code: "E_FORBIDDEN" });
});

test("what fails for want of a program or of room is kept, and what is no image is not", async (t) => {
  const place = await openPlace(t);
  const [withoutTool, full, broken] = [
    await place.capture("without tool"),
    await place.capture("full"),
    await place.capture("broken"),
  ];
  for (const name of ["without tool", "full", "broken"]) await begun(place, name);
  fail(place, "without tool", "E_TOOL_MISSING");
  fail(place, "full", "E_CONTENT_WRITE");
  fail(place, "broken", "E_IMAGE_FORMAT");
  await waitFor(() => place.said.length === 3, { what: "what is said of them" });
  assert.deepEqual([withoutTool, full, broken].map(place.kept), [true, true, false]);
  const open = (await place.store.captures.listOpen()).map(({ name }) => name);
  assert.deepEqual(open, ["without tool", "full"]);
  assert.match(place.said.join("\n"), /captured full: E_CONTENT_WRITE: so it is File .+\.raw is kept/);
});

test("another image of the name takes no captured disk: that is imported under another name", async (t) => {
  const place = await openPlace(t);
  const { context, imports, kept, said, store } = place;
  const id = await place.capture("lab");
  await begun(place, "lab");
  fail(place, "lab", "E_CONFLICT");
  await waitFor(() => said.length === 1, { what: "what is said" });
  assert.ok(kept(id));
  imports.clear();
  await store.images.add(storedImage("lab"));
  await resumeCaptures(context);
  await begun(place, "lab (2)");
  fail(place, "lab (2)", "E_CONTENT_WRITE");
  await waitFor(() => said.length === 3, { what: "what is said of the name and of the failure" });
  assert.match(said[1] ?? "", /another image of that name, so this is lab \(2\)/);
  assert.ok(kept(id));
  assert.equal((await store.captures.listOpen()).length, 1);
});

test("what had become an image when the site ended goes, and is not imported once more", async (t) => {
  const place = await openPlace(t);
  const { context, imports, kept, store } = place;
  const id = await place.capture("lab");
  await begun(place, "lab");
  const [disk] = await store.captures.listOpen();
  assert.ok(disk?.imageId);
  await store.images.add({ ...storedImage("lab"), id: disk.imageId });
  imports.clear();
  await resumeCaptures(context);
  await waitFor(() => !kept(id), { what: "the end of what was imported" });
  await waitFor(async () => (await store.captures.listOpen()).length === 0, { what: "the end of its row" });
  assert.equal(imports.size, 0);
});

test("what an earlier release took without choosing its image is imported beside one of its name", async (t) => {
  const place = await openPlace(t);
  const { context, imports, kept, store } = place;
  const id = await place.capture("lab");
  await begun(place, "lab");
  fail(place, "lab", "E_CANCELLED");
  await store.database.updateTable("captured_disk").set({ image_id: null }).execute();
  await store.images.add(storedImage("lab"));
  imports.delete("lab");
  await resumeCaptures(context);
  await begun(place, "lab (2)");
  assert.ok(kept(id));
  assert.notEqual((await store.captures.listOpen())[0]?.imageId, null);
});
