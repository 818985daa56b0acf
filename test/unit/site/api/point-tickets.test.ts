/** The tickets of a policy: what they name, and what the site reads for them, since machines ask every few seconds. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { DeploymentRequest, type DeploymentRecord } from "../../../../contract/administration.ts";
import { PointRequest, Ticket } from "../../../../contract/point.ts";
import type { ApiContext } from "../../../../site/api/context.ts";
import { pointsFor } from "../../../../site/api/point-tickets.ts";
import { defaultProperties } from "../../../../site/casting/properties.ts";
import { RemotePoints } from "../../../../site/points.ts";
import { openStore, type Store } from "../../../../site/store/store.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { machineFacts, storedImage } from "../../../fixtures/records.ts";

interface Place {
  store: Store;
  tickets: (deployment: DeploymentRecord) => Promise<Ticket[]>;
  /** Stores an image that a package stands for. */
  addPackage: (packageId: string, purpose?: "image" | "package") => Promise<string>;
  addPoint: (allImages: boolean, allPackages?: boolean) => Promise<string>;
  remotePoints: RemotePoints;
  /** Queries, and rows that they read, in the meantime. */
  read: (work: () => Promise<unknown>) => Promise<{ queries: number; rows: number }>;
}

let points = 0;

async function openPlace(t: TestContext): Promise<Place> {
  const store = await openStore(join(testFolder(t), "database"));
  t.after(() => store.close());
  const machine = { id: await store.machines.enrol(machineFacts("one"), "key"), address: "10.2.0.9" };
  const authority = { signManifest: () => Buffer.alloc(64) };
  const remotePoints = new RemotePoints();
  const context = { store, authority, remotePoints } as unknown as ApiContext;
  return {
    store,
    remotePoints,
    tickets: async (deployment) => {
      const answer = await pointsFor(context, machine, deployment);
      return answer.map(({ ticket }) =>
        Ticket.parse(JSON.parse(Buffer.from(ticket.split(".")[0] ?? "", "base64url").toString())),
      );
    },
    addPackage: async (packageId, purpose = "image") => {
      const image = { ...storedImage(`image of ${packageId}`), purpose };
      await store.images.add(image);
      await store.packages.add({
        packageId,
        name: packageId,
        kind: "image",
        fileId: null,
        fileName: null,
        bytes: 1,
        hash: null,
        imageId: image.id,
        multicast: "allowed",
        encrypt: false,
        driverCategory: null,
        programs: [],
        added: new Date().toISOString(),
      });
      return image.id;
    },
    addPoint: async (allImages, allPackages = false) => {
      points += 1;
      const request = PointRequest.parse({
        name: `point-${points}`,
        address: `10.2.0.${points}`,
        boundaries: ["10.2.0.0/24"],
        allImages,
        allPackages,
      });
      const credential = { hash: randomUUID(), expires: new Date(Date.now() + 60_000).toISOString() };
      const id = await store.points.add(request, defaultProperties, credential);
      await store.points.enrol(credential.hash, { keyHash: "key", publicKey: "key" });
      await store.points.saw(id, 8443, new Date().toISOString());
      return id;
    },
    read: async (work) => {
      const executor = store.database.getExecutor();
      const execute = executor.executeQuery.bind(executor);
      const seen = { queries: 0, rows: 0 };
      const counted = t.mock.method(
        executor,
        "executeQuery",
        async (...words: Parameters<typeof execute>) => {
          const answer = await execute(...words);
          seen.queries += 1;
          seen.rows += answer.rows.length;
          return answer;
        },
      );
      await work();
      counted.mock.restore();
      return seen;
    },
  };
}

test("tickets name the images that are cast, and it takes no more queries with more images", async (t) => {
  const { addPackage, addPoint, read, store, tickets } = await openPlace(t);
  await addPoint(true);
  const one = await addPoint(false);
  const sequence = { id: randomUUID(), name: "office", packageId: "PS100001", fileName: "office.xml" };
  await store.sequences.add(
    { ...sequence, bytes: 1, hash: "a".repeat(64), added: new Date().toISOString() },
    { json: null, unchecked: "there is no agent" },
  );
  const own = storedImage("own");
  await store.images.add(own);
  const create = (name: string, packages: "all" | string[], sequenceId: string | null) =>
    store.deployments.create(
      DeploymentRequest.parse({ name, imageId: own.id, machines: "all", sequenceId, packages }),
    );
  const office = await addPackage("LAB00001");
  const other = await addPackage("LAB00002");
  await store.points.contents.assign("image", other, { add: [one], remove: [] });
  const named = await create("named", ["lab00001"], sequence.id);
  const all = await create("all", "all", sequence.id);
  const plain = await create("plain", "all", null);
  const images = async (deployment: DeploymentRecord) =>
    (await tickets(deployment)).map(({ imageIds }) => new Set(imageIds));
  assert.deepEqual(await images(named), [new Set([own.id, office])]);
  assert.deepEqual(await images(all), [new Set([own.id, office, other]), new Set([other])]);
  assert.deepEqual(await images(plain), [new Set([own.id])]);
  const few = await read(() => tickets(all));
  for (let count = 0; count < 20; count += 1) await addPackage(`MORE00${count + 10}`);
  const many = await read(() => tickets(all));
  assert.equal(many.queries, few.queries);
});

test("tickets name what is cast in the place of packages that are copied there", async (t) => {
  const { addPackage, addPoint, store, tickets } = await openPlace(t);
  const sequence = { id: randomUUID(), name: "office", packageId: "PS100001", fileName: "office.xml" };
  await store.sequences.add(
    { ...sequence, bytes: 1, hash: "a".repeat(64), added: new Date().toISOString() },
    { json: null, unchecked: "there is no agent" },
  );
  const given = await addPackage("LAB00001", "package");
  const kept = await addPackage("LAB00002", "package");
  await addPoint(true);
  await addPoint(false, true);
  const some = await addPoint(false);
  await store.points.contents.assign("package", "LAB00001", { add: [some], remove: [] });
  const deploy = (name: string, packages: "all" | string[]) =>
    store.deployments.create(
      DeploymentRequest.parse({ name, imageId: null, machines: "all", sequenceId: sequence.id, packages }),
    );
  const [all, one] = [await deploy("all", "all"), await deploy("one", ["LAB00001"])];
  const images = async (deployment: DeploymentRecord) =>
    (await tickets(deployment)).map(({ imageIds }) => new Set(imageIds));
  assert.deepEqual(await images(all), [new Set([given, kept]), new Set([given])]);
  assert.deepEqual(await images(one), [new Set([given]), new Set([given])]);
  await store.points.contents.assign("package", "LAB00001", { add: [], remove: [some] });
  assert.deepEqual(await images(one), [new Set([given])]);
  await store.packages.dropContent(given);
  assert.deepEqual(await images(one), []);
});

test("a point of a version that knows no encryption gets no ticket for what is encrypted", async (t) => {
  const { addPoint, remotePoints, store, tickets } = await openPlace(t);
  const id = await addPoint(true);
  const tell = (encryption: boolean): void =>
    remotePoints.told(
      { id, name: "annexe" },
      {
        port: 8443,
        sessions: [],
        waits: [],
        progress: [],
        images: [],
        deployments: [],
        renew: false,
        encryption,
        packages: true,
      },
    );
  const own = storedImage("own");
  await store.images.add(own);
  const deployment = await store.deployments.create(
    DeploymentRequest.parse({ name: "own", imageId: own.id, machines: "all" }),
  );
  const images = async () => (await tickets(deployment)).flatMap(({ imageIds }) => imageIds);
  assert.deepEqual(await images(), [own.id], "it has said nothing yet");
  await store.images.setCasting(own.id, { encrypt: true });
  assert.deepEqual(await images(), []);
  tell(false);
  assert.deepEqual(await images(), []);
  tell(true);
  assert.deepEqual(await images(), [own.id]);
  await store.images.setCasting(own.id, { encrypt: false });
  const point = (await store.points.find(id)) ?? assert.fail("it is there");
  await store.points.change(id, { ...point, properties: { ...point.properties, encrypt: true } });
  assert.deepEqual(await images(), [own.id]);
  tell(false);
  assert.deepEqual(await images(), [], "all that it casts is to be encrypted");
});

test("a point is found without reading the others", async (t) => {
  const { addPackage, addPoint, read, store } = await openPlace(t);
  const first = await addPoint(false);
  const whole = await addPoint(true);
  const image = await addPackage("LAB00001");
  for (let count = 0; count < 20; count += 1) {
    await store.points.contents.assign("image", image, { add: [await addPoint(false)], remove: [] });
  }
  await store.points.contents.assign("image", image, { add: [first], remove: [] });
  const listed = await store.points.list();
  for (const id of [first, whole]) {
    assert.deepEqual(
      await store.points.find(id),
      listed.find((point) => point.id === id),
    );
  }
  assert.equal(await store.points.find(randomUUID()), undefined);
  const { rows } = await read(() => store.points.find(first));
  assert.equal(rows, 2, "its own row and that of its image");
});
