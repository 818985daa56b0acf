/** What a point says to its site: one whose address has become the site's own is refused at each word. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { PointSyncAnswer } from "../../../../contract/point.ts";
import type { ApiContext } from "../../../../site/api/context.ts";
import { pointLineRoutes } from "../../../../site/api/point-line.ts";
import { RemotePoints } from "../../../../site/points.ts";
import type { Call } from "../../../../site/api/route.ts";

test("a point at the site's own address gets neither content nor a certificate, whenever it came to be there", async () => {
  const point = {
    id: randomUUID(),
    name: "annexe",
    address: "10.2.0.5",
    images: [],
    packages: [],
    port: null,
  };
  const image = { id: randomUUID(), name: "lab" };
  let certified = 0;
  const contextWith = (names: string[]): ApiContext =>
    ({
      names,
      store: {
        points: { find: async () => ({ ...point, images: [image.id] }), saw: async () => undefined },
        images: { find: async () => image },
      },
      authority: {
        certifyPoint: async () => {
          certified += 1;
          return "a certificate";
        },
      },
      library: { manifest: async () => Buffer.from("the manifest") },
    }) as unknown as ApiContext;
  const ask = async (names: string[], path: string): Promise<unknown> => {
    const route = pointLineRoutes(contextWith(names)).find((one) => one.path === path);
    const body = { port: 4000, sessions: [], progress: [], images: [], deployments: [], renew: true };
    const reply = { header: () => reply, type: () => reply, send: (bytes: Buffer) => bytes };
    const call = { pointId: point.id, request: { body, params: { id: image.id, offset: "0" } }, reply };
    return await route?.handle(call as unknown as Call);
  };
  const manifest = "/point/images/:id/manifest";
  await ask(["10.2.0.1"], manifest);
  for (const path of ["/point/sync", manifest, "/point/images/:id/content/:offset"]) {
    await assert.rejects(ask(["10.2.0.1", point.address], path), /E_CONFLICT.*the site's own address/);
  }
  assert.equal(certified, 0);
});

test("a point of a version that keeps no packages is not given what is cast in their place", async () => {
  const point = {
    id: randomUUID(),
    name: "annexe",
    address: "10.2.0.5",
    images: [],
    packages: [],
    port: 4000,
  };
  const context = {
    names: [],
    store: {
      points: {
        find: async () => point,
        saw: async () => undefined,
        images: async () => [{ purpose: "image" }, { purpose: "package" }],
      },
    },
    remotePoints: new RemotePoints(),
    room: { changed: () => undefined },
  } as unknown as ApiContext;
  const route = pointLineRoutes(context).find(({ path }) => path === "/point/sync");
  const given = async (version: object): Promise<string[]> => {
    const body = {
      port: 4000,
      sessions: [],
      progress: [],
      images: [],
      deployments: [],
      renew: false,
      ...version,
    };
    const answer = await route?.handle({ pointId: point.id, request: { body } } as unknown as Call);
    return (answer as PointSyncAnswer).images.map(({ purpose }) => purpose);
  };
  assert.deepEqual(await given({}), ["image"]);
  assert.deepEqual(await given({ packages: true }), ["image", "package"]);
});
