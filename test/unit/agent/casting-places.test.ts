/** Distribution points that put a machine out: it goes on elsewhere, and the site's word alone ends it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { castingPlaces } from "../../../agent/deploying/casting-places.ts";
import type { CastPerformer } from "../../../agent/deploying/performer.ts";
import { deployImage, type DeployOptions } from "../../../agent/imaging/deploy.ts";
import type { CastingPlace } from "../../../agent/imaging/join.ts";
import type { JoinAnswer } from "../../../contract/deployment.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { receiverKey } from "../../../native/index.ts";
import { testFolder } from "../../fixtures/folder.ts";
import { assertHolds, cast, prepareImage, type PreparedImage } from "../../fixtures/native-session.ts";
import { storedImage } from "../../fixtures/records.ts";

const tooSlow = async (): Promise<never> => {
  throw new VolleyError("E_TOO_SLOW", "It verified 1 Mbit/s");
};
const session = { group: "239.255.91.7", port: 47_917 };
/** Where nobody casts. */
const silence = { group: "239.255.91.8", port: 47_918 };

function answer(to: typeof session, ports: { feedback: number; unicast: number | null }): JoinAnswer {
  const key = receiverKey({ feedbackSecret: Buffer.alloc(32, 0xfe), session: 77, receiver: 1 });
  return {
    session: {
      id: randomUUID(),
      number: 77,
      stream: 0,
      key: "5e".repeat(32),
      mtu: 1500,
      encrypted: false,
      ...to,
    },
    receiver: { number: 1, key: key.toString("hex") },
    feedbackPort: ports.feedback,
    unicastPort: ports.unicast,
    groupSize: 1,
  };
}

interface Place {
  image: PreparedImage;
  device: string;
  site: CastingPlace;
  ports: { feedback: number; unicast: number };
  notices: string[];
  deploy: (changes: Pick<DeployOptions, "points"> & Partial<DeployOptions>) => Promise<unknown>;
}

async function openPlace(t: TestContext): Promise<Place> {
  const folder = testFolder(t);
  const image = await prepareImage(folder, 4, 9);
  const device = join(folder, "disk");
  writeFileSync(device, "");
  truncateSync(device, image.bytes);
  const { caster } = cast(image, session);
  t.after(() => caster.stop());
  const site: CastingPlace = {
    name: "the site",
    host: "127.0.0.1",
    multicast: true,
    join: async () => answer(session, caster.ports),
    sendProgress: async () => ({ next: "go-on", moved: "" }),
  };
  const notices: string[] = [];
  const say = (): void => {};
  const options = {
    image: { ...storedImage("lab"), root: image.root, bytes: image.bytes },
    multicastOnly: false,
    manifest: image.manifest,
    device,
    resume: false,
    site,
    interfaceAddressTo: async () => "127.0.0.1",
    show: say,
    notice: (text: string) => void notices.push(text),
    log: { info: say, warning: say, error: say, detail: say },
    signal: AbortSignal.timeout(120_000),
  };
  const { ports } = caster;
  return {
    image,
    device,
    site,
    ports,
    notices,
    deploy: (changes) => deployImage({ ...options, ...changes }),
  };
}

test("a machine that a point does not let in goes on to the next place", async (t) => {
  const { deploy, device, image, notices, site } = await openPlace(t);
  await deploy({ points: [{ ...site, name: "annexe", join: tooSlow }] });
  await assertHolds(device, image);
  assert.match(notices[0] ?? "", /^annexe does not take this machine \(E_TOO_SLOW: It verified 1 Mbit\/s\)$/);
});

test("what is to be encrypted is taken from no point that casts it as it is", async (t) => {
  const { deploy, device, image, notices, site } = await openPlace(t);
  const sealed = { ...storedImage("lab"), root: image.root, bytes: image.bytes, encrypt: true };
  let asked: unknown;
  const ask: CastingPlace["join"] = async (request) => ((asked = request), site.join(request));
  await deploy({ points: [{ ...site, name: "annexe", join: ask }], image: sealed });
  await assertHolds(device, image);
  assert.deepEqual(asked, { imageId: sealed.id, resume: false, encryption: true });
  assert.match(
    notices[0] ?? "",
    /^annexe does not take .*\(E_CONFLICT: Annexe casts lab without encryption\.\)$/,
  );
});

test("a machine that points let in and put out again goes on to the next place, and tries each once", async (t) => {
  const { deploy, device, image, notices, site } = await openPlace(t);
  let joins = 0;
  const lying: CastingPlace = {
    ...site,
    name: "annexe",
    join: async () => ((joins += 1), answer(silence, { feedback: 9, unicast: null })),
    sendProgress: tooSlow,
  };
  await deploy({ points: [lying, { ...lying, name: "depot" }] });
  await assertHolds(device, image);
  assert.equal(joins, 2);
  const said = "goes on without this machine (E_TOO_SLOW: It verified 1 Mbit/s)";
  assert.ok(notices.some((text) => text.startsWith(`Annexe ${said}; joining again`)));
  assert.ok(notices.some((text) => text.startsWith(`Depot ${said}; joining again`)));
});

test("a machine that no multicast reaches is told so, however soon it has the image by unicast", async (t) => {
  const { deploy, device, image, notices, ports, site } = await openPlace(t);
  await deploy({ points: [], site: { ...site, join: async () => answer(silence, ports) } });
  await assertHolds(device, image);
  assert.deepEqual(notices, ["No multicast arrives here; the image is fetched by unicast"]);
});

test("the site's word ends it, at the join and later", async (t) => {
  const { deploy, site } = await openPlace(t);
  await assert.rejects(deploy({ points: [], site: { ...site, join: tooSlow } }), { code: "E_TOO_SLOW" });
  const later: CastingPlace = {
    ...site,
    join: async () => answer(silence, { feedback: 9, unicast: null }),
    sendProgress: tooSlow,
  };
  const point = { ...site, name: "annexe", join: tooSlow };
  await assert.rejects(deploy({ points: [point], site: later }), { code: "E_TOO_SLOW" });
});

test("who is asked for a session is told beforehand: a distribution point, and the site", async () => {
  const asked: string[] = [];
  const refuse = async (): Promise<never> => {
    throw new VolleyError("E_SITE_UNREACHABLE", "it is down");
  };
  const by = {
    siteAddress: { host: "site.lab", port: 8443 },
    site: { enrol: async () => ({ authority: "" }), join: refuse, remember: () => undefined },
    askedAt: ({ host, port }: { host: string; port: number }) => void asked.push(`${host}:${port}`),
  } as unknown as CastPerformer;
  const points = [{ name: "P", address: "127.0.0.1", port: 1, multicast: true, token: "t" }];
  const deployment = {
    id: randomUUID(),
    image: storedImage("lab"),
    multicast: true,
    multicastOnly: false,
    points,
  };
  const places = await castingPlaces(deployment as unknown as Parameters<typeof castingPlaces>[0], by);
  for (const place of [...places.points, places.site]) {
    await assert.rejects(place.join({} as unknown as Parameters<typeof place.join>[0]));
  }
  places.close();
  assert.deepEqual(asked, ["127.0.0.1:1", "site.lab:8443"]);
});
