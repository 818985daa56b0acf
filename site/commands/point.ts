/** volley dp add | list | remove | credential, and volley image | package distribute */
import { writeFileSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PointCredential, PointRecord } from "../../contract/point.ts";
import type { SiteClient } from "../client.ts";
import { minuteText, timeText } from "../quantities.ts";
import { imagesAt } from "../store/point-contents.ts";
import { text, texts, type Command, type CommandCall, type SiteCommand } from "./command.ts";
import { findImage } from "./image.ts";
import { onOff } from "./on-off.ts";
import { number } from "./numbers.ts";
import { printJson, printLine, printTable } from "./output.ts";

/** By name or identifier. Throws E_NOT_FOUND. */
export async function findPoint(client: SiteClient, name: string): Promise<PointRecord> {
  const points = await client.get<PointRecord[]>("/points");
  const point = points.find((one) => one.name === name || one.id === name);
  if (point === undefined) throw new VolleyError("E_NOT_FOUND", `There is no distribution point ${name}.`);
  return point;
}

/** Of a point elsewhere alone. */
export const placeOptions: Command["options"] = {
  boundary: {
    type: "string",
    multiple: true,
    value: "SUBNET",
    help: "Its machines' addresses, ADDRESS/BITS; may be repeated.",
  },
  "all-images": { type: "string", value: "on|off", help: "Every image is copied to it (off)." },
  "all-packages": {
    type: "string",
    value: "on|off",
    help: "Every package that is cast is copied to it (off).",
  },
  "copy-rate": {
    type: "string",
    value: "MBPS",
    help: "Images and packages are copied no faster; 0: no limit (0).",
  },
  "copy-hours": {
    type: "string",
    value: "FROM-TO",
    help: 'Images and packages are copied between these hours of its clock, like 20-6, or "always" (always).',
  },
};

/** What was given of `placeOptions`. Throws E_USAGE. */
export function placeOf(call: CommandCall): Record<string, unknown> {
  const boundaries = texts(call, "boundary");
  const allImages = onOff(call, "all-images");
  const allPackages = onOff(call, "all-packages");
  const rateMbps = number(call, "copy-rate", { least: 0, most: 400_000, whole: false });
  const hours = hoursOf(call);
  const replication = { ...(rateMbps !== undefined && { rateMbps }), ...(hours !== undefined && { hours }) };
  return {
    ...(boundaries.length > 0 && { boundaries }),
    ...(allImages !== undefined && { allImages }),
    ...(allPackages !== undefined && { allPackages }),
    ...(Object.keys(replication).length > 0 && { replication }),
  };
}

function hoursOf(call: CommandCall): { from: number; to: number } | null | undefined {
  const given = text(call, "copy-hours");
  if (given === undefined) return undefined;
  if (given === "always") return null;
  const [from, to] = (/^(\d{1,2})-(\d{1,2})$/.exec(given) ?? []).slice(1).map(Number);
  if (from !== undefined && to !== undefined && from < 24 && to > 0 && to <= 24) return { from, to };
  throw new VolleyError("E_USAGE", `--copy-hours is FROM-TO in whole hours, or always, not "${given}".`);
}

export function hoursText({ replication: { hours, rateMbps } }: PointRecord): string {
  const when = hours === null ? "at any hour" : `from ${hours.from} to ${hours.to} o'clock`;
  return rateMbps === 0 ? when : `${when}, at most ${rateMbps} Mbit/s`;
}

function stateText({ enrolled, here, lastSeen }: PointRecord): string {
  if (enrolled === null) return "not enrolled yet";
  if (here) return "here";
  return lastSeen === null ? "not heard of" : `silent since ${timeText(lastSeen)}`;
}

/** Of these images how many are at the point, and what holds the first of them up. */
export function hereText({ holding }: PointRecord, images: readonly string[]): string {
  const wanted = holding.filter(({ imageId }) => images.includes(imageId));
  const trouble = wanted.find((image) => image.trouble !== "")?.trouble ?? "";
  const whole = wanted.filter((image) => image.whole).length;
  return `${whole} of ${images.length}${trouble === "" ? "" : ` (${trouble})`}`;
}

function showCredential(call: CommandCall, answer: PointCredential): void {
  const path = text(call, "credential-file");
  if (path !== undefined) writeFileSync(path, `${answer.credential}\n`, { mode: 0o600 });
  if (call.json) return printJson(answer);
  if (path === undefined) printLine(answer.credential);
  printLine(
    `${path === undefined ? "It" : `What is in ${path}`} enrols ${answer.point.name} once, until ` +
      `${minuteText(answer.expires)} UTC: volley dp run --site URL --fingerprint SHA256.`,
  );
}

const credentialFile: Command["options"] = {
  "credential-file": { type: "string", value: "FILE", help: "Writes the credential there and shows it not." },
};

/** Of what is copied. */
const whither: Command["options"] = {
  to: { type: "string", multiple: true, value: "POINT", help: "Copy it there; may be repeated." },
  from: { type: "string", multiple: true, value: "POINT", help: "Remove it there; may be repeated." },
};

export const pointCommands: SiteCommand[] = [
  {
    words: "dp add",
    operands: "NAME",
    operandCount: 1,
    summary: "Tell the site of a distribution point in another building. Its credential is shown once.",
    options: {
      address: { type: "string", value: "IP", help: "IPv4 address by which machines reach it." },
      ...placeOptions,
      ...credentialFile,
    },
    run: async (client, call) => {
      const address = text(call, "address");
      if (address === undefined) throw new VolleyError("E_USAGE", "--address is missing.");
      const { replication = {}, ...place } = placeOf(call);
      const body = {
        name: call.positionals[0],
        address,
        boundaries: [],
        ...place,
        replication: { rateMbps: 0, hours: null, ...(replication as object) },
      };
      showCredential(call, await client.post<PointCredential>("/points", body));
    },
  },
  {
    words: "dp credential",
    operands: "NAME",
    operandCount: 1,
    summary: `Make a credential with which a distribution point enrols again, within ${limits.pointCredentialHours} hours.`,
    options: credentialFile,
    run: async (client, call) => {
      const { id } = await findPoint(client, call.positionals[0] ?? "");
      showCredential(call, await client.post<PointCredential>(`/points/${id}/credential`, {}));
    },
  },
  {
    words: "dp list",
    operands: "",
    operandCount: 0,
    summary: "List the distribution points in other buildings, with what of their content is there.",
    options: {},
    run: async (client, call) => {
      const points = await client.get<PointRecord[]>("/points");
      if (call.json) return printJson(points);
      const rows = points.map((point) => [
        point.name,
        point.port === null ? point.address : `${point.address}:${point.port}`,
        point.boundaries.join(" "),
        stateText(point),
        hereText(point, imagesAt(point)),
      ]);
      printTable([["NAME", "ADDRESS", "BOUNDARIES", "STATE", "CONTENT"], ...rows]);
    },
  },
  {
    words: "dp remove",
    operands: "NAME",
    operandCount: 1,
    summary: "Forget a distribution point: its key opens nothing any more, and no machine is sent there.",
    options: {},
    run: async (client, call) => {
      const point = await findPoint(client, call.positionals[0] ?? "");
      await client.remove(`/points/${point.id}`);
      if (call.json) printJson({ removed: point.id });
      else printLine(`${point.name} is removed.`);
    },
  },
  {
    words: "image distribute",
    operands: "NAME",
    operandCount: 1,
    summary: "Copy an image to distribution points in other buildings, or take it from there.",
    options: whither,
    run: async (client, call) => {
      const { id, name } = await findImage(client, call.positionals[0] ?? "");
      const points = await distribute(client, call, `/images/${id}`);
      const names = points.filter(({ images }) => images.includes(id)).map((point) => point.name);
      if (call.json) printJson({ image: id, points: names });
      else printLine(`${name} goes to ${listText(names)}.`);
    },
  },
  {
    words: "package distribute",
    operands: "ID",
    operandCount: 1,
    summary: "Copy a package that is cast to distribution points in other buildings, or take it from there.",
    options: whither,
    run: async (client, call) => {
      const packageId = (call.positionals[0] ?? "").toUpperCase();
      const points = await distribute(client, call, `/packages/${encodeURIComponent(packageId)}`);
      const isThere = ({ packages }: PointRecord): boolean =>
        packages.some((one) => one.packageId === packageId);
      const names = points.filter(isThere).map((point) => point.name);
      if (call.json) printJson({ package: packageId, points: names });
      else printLine(`Package ${packageId} goes to ${listText(names)}.`);
    },
  },
];

/** Answers all points. Throws E_USAGE. */
async function distribute(client: SiteClient, call: CommandCall, path: string): Promise<PointRecord[]> {
  const idsOf = async (name: string): Promise<string[]> =>
    await Promise.all(texts(call, name).map(async (point) => (await findPoint(client, point)).id));
  const [add, remove] = [await idsOf("to"), await idsOf("from")];
  if (add.length + remove.length === 0) throw new VolleyError("E_USAGE", "Say --to POINT or --from POINT.");
  return await client.post<PointRecord[]>(`${path}/points`, { add, remove });
}

function listText(names: readonly string[]): string {
  return names.length === 0 ? "no other point" : names.join(", ");
}
