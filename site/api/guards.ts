/** What a deployment would do, and whether that is of so high a risk that a person has to repeat a name first. */
import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { DeploymentRequest } from "../../contract/administration.ts";
import type { DeploymentPreview, DeviceRecord } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { macsOf } from "../boot/magic-packet.ts";
import { meant as meantBy } from "../store/wakes.ts";
import type { ApiContext } from "./context.ts";
import { diskEffects } from "./disk-effects.ts";
import { countText } from "../quantities.ts";

/** What is repeated where a deployment is to all machines. */
const everything = "all machines";

type Wanted = Pick<
  DeploymentRequest,
  | "name"
  | "machines"
  | "collectionId"
  | "purpose"
  | "unattended"
  | "sequenceId"
  | "disk"
  | "starts"
  | "expires"
  | "subnets"
  | "wake"
>;

export async function previewOf(wanted: Wanted, context: ApiContext): Promise<DeploymentPreview> {
  const { store } = context;
  const devices = (await store.devices.list()).filter(({ state }) => state === "approved");
  const collection = wanted.collectionId ? await store.collections.find(wanted.collectionId) : undefined;
  if (wanted.collectionId && collection === undefined) {
    throw new VolleyError("E_NOT_FOUND", `There is no collection ${wanted.collectionId}.`);
  }
  const meant = devices.filter(meantBy(wanted.machines, collection));
  const risks = actsByItself(wanted) ? risksOf(meant, devices, wanted, context) : [];
  return {
    ...membersShown(meant),
    effects: [...effectsOf(wanted), ...(wanted.wake ? [wakeEffect(meant)] : [])],
    risks,
    confirm: risks.length === 0 ? null : confirmationOf(wanted, collection),
  };
}

/** The name that is repeated for it where its risk is high. */
export function confirmationOf(
  { machines, name }: Pick<Wanted, "machines" | "name">,
  collection: { name: string } | undefined,
): string {
  return collection?.name ?? (machines === "all" ? everything : name);
}

export function membersShown(
  meant: readonly DeviceRecord[],
): Pick<DeploymentPreview, "devices" | "enrolled" | "names"> {
  return {
    devices: meant.length,
    enrolled: meant.filter(({ machineId }) => machineId !== null).length,
    names: meant
      .map(({ facts, name }) => facts?.name ?? name)
      .sort((one, other) => one.localeCompare(other, "en", { numeric: true }))
      .slice(0, limits.previewNames),
  };
}

/** Where a person at each machine agrees, nothing happens unseen. */
export function actsByItself({ purpose, unattended }: Pick<Wanted, "purpose" | "unattended">): boolean {
  return purpose === "required" || unattended;
}

/** `meant`, `all`: approved devices. */
export function risksOf(
  meant: readonly DeviceRecord[],
  all: readonly DeviceRecord[],
  { machines }: Pick<Wanted, "machines">,
  { highRiskDevices }: ApiContext,
): DeploymentPreview["risks"] {
  const risks: DeploymentPreview["risks"] = [];
  if (machines === "all" || (all.length > 1 && meant.length === all.length)) {
    risks.push({ kind: "everything", reason: "It is for every machine of the site." });
  }
  if (meant.length > highRiskDevices) {
    const reason = `It is for ${countText(meant.length, "device")}; more than ${highRiskDevices} are a high risk.`;
    risks.push({ kind: "size", reason });
  }
  const own = ownNumbers();
  const site = meant.find(({ facts, mac, uuid }) =>
    [uuid, mac, facts?.smbiosUuid, ...(facts?.macAddresses ?? [])].some(
      (one) => typeof one === "string" && own.has(one.toLowerCase()),
    ),
  );
  if (site !== undefined) {
    const reason = `${site.facts?.name ?? site.name} is the computer that this site runs on.`;
    risks.push({ kind: "site", reason });
  }
  return risks;
}

/** By which the site's own computer would be known: its network cards and its board. */
function ownNumbers(): Set<string> {
  const cards = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const macs = cards.filter(({ internal }) => !internal).map(({ mac }) => mac.toLowerCase());
  const board = "/sys/class/dmi/id/product_uuid";
  return new Set([...macs, ...(existsSync(board) ? [readBoard(board)] : [])].filter((one) => one !== ""));
}

/** Only root may read it. */
function readBoard(path: string): string {
  try {
    return readFileSync(path, "utf8").trim().toLowerCase();
  } catch {
    return "";
  }
}

function effectsOf(wanted: Wanted): string[] {
  const { expires, purpose, starts, subnets = [], unattended } = wanted;
  const begins = starts ? `from ${starts} on` : "when the agent of each next asks";
  return [
    ...diskEffects(wanted),
    unattended ? "Nobody at the machines is asked." : "Somebody at each machine has to agree.",
    purpose === "required"
      ? "A machine that boots from the network takes it by itself, once."
      : "A machine that boots from the network asks first.",
    `It begins ${begins}${expires ? `, and no machine begins after ${expires}` : ""}.`,
    ...(subnets.length > 0 ? [`Only machines in ${subnets.join(", ")} take it.`] : []),
  ];
}

function wakeEffect(meant: readonly DeviceRecord[]): string {
  const count = meant.filter((device) => macsOf(device).length > 0).length;
  return `When it begins they are switched on; of ${count} of ${meant.length} a MAC is known.`;
}

/** Throws E_NOT_CONFIRMED: see checkConfirmed. */
export async function requireConfirmation(
  wanted: Wanted & { confirm?: string | undefined },
  context: ApiContext,
): Promise<void> {
  checkConfirmed(await previewOf(wanted, context), wanted.confirm);
}

/** Throws E_NOT_CONFIRMED, which says what has to be repeated and why. */
export function checkConfirmed(
  { confirm, devices, risks }: DeploymentPreview,
  given: string | undefined,
): void {
  if (confirm === null || given === confirm) return;
  const why = risks.map(({ reason }) => reason).join(" ");
  throw new VolleyError(
    "E_NOT_CONFIRMED",
    `${why} ${countText(devices, "device")} now. Confirm with "${confirm}".`,
  );
}
