/**
 * Open deployments follow their collections, so that a change of who is in one, or of whom the site knows, can make of a
 * deployment what a person would have had to confirm: such a change is confirmed as the deployment would have been.
 */
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { CollectionChange, DeploymentPreview, DeviceRecord } from "../../contract/devices.ts";
import type { StoredCollection } from "../store/collections.ts";
import { meant } from "../store/wakes.ts";
import type { ApiContext } from "./context.ts";
import { diskEffects } from "./disk-effects.ts";
import { actsByItself, checkConfirmed, confirmationOf, membersShown, risksOf } from "./guards.ts";

/** Whom the site knows at one time, and in which collections. */
interface Census {
  devices: readonly DeviceRecord[];
  collections: readonly StoredCollection[];
}

async function censusOf({ store }: ApiContext): Promise<Census> {
  const [devices, collections] = await Promise.all([store.devices.list(), store.collections.list()]);
  return { devices, collections };
}

export interface Change {
  before: StoredCollection;
  change: Pick<CollectionChange, "add" | "remove" | "rule">;
}

/** A device as it will be, and the name of the collection that it is put into. */
export interface Arrival {
  device: DeviceRecord;
  collection?: string;
}

/** One collection is to be another. */
export async function previewOfChange(
  { before, change }: Change,
  context: ApiContext,
): Promise<DeploymentPreview> {
  const now = await censusOf(context);
  const after = changed(before, change);
  const collections = now.collections.map((one) => (one.id === before.id ? after : one));
  const reached = await reachedBy(now, { ...now, collections }, context);
  return { ...reached, ...membersShown(now.devices.filter(meant([], after))) };
}

/** Devices are to be known, or approved. */
export async function previewOfArrivals(
  arrivals: readonly Arrival[],
  context: ApiContext,
): Promise<DeploymentPreview> {
  const now = await censusOf(context);
  const coming = new Map(arrivals.map(({ device }) => [device.id, device]));
  const put = (name: string): string[] =>
    arrivals.filter(({ collection }) => collection === name).map(({ device }) => device.id);
  const after: Census = {
    devices: [...now.devices.filter(({ id }) => !coming.has(id)), ...coming.values()],
    collections: now.collections.map((one) => changed(one, { add: put(one.name) })),
  };
  return await reachedBy(now, after, context);
}

/** Throws E_NOT_CONFIRMED. */
export async function requireArrivalsConfirmation(
  arrivals: readonly Arrival[],
  confirm: string | undefined,
  context: ApiContext,
): Promise<void> {
  checkConfirmed(await previewOfArrivals(arrivals, context), confirm);
}

/** Throws E_NOT_CONFIRMED. */
export async function requireChangeConfirmation(
  wanted: Change & { confirm?: string | undefined },
  context: ApiContext,
): Promise<void> {
  checkConfirmed(await previewOfChange(wanted, context), wanted.confirm);
}

/** Whom one deployment reaches that it did not reach before, and what of that is of high risk. */
interface Reached {
  deployment: DeploymentRecord;
  /** What is typed for it. */
  name: string;
  newcomers: DeviceRecord[];
  risks: DeploymentPreview["risks"];
}

/** By the open deployments that act by themselves. `confirm` names all that the risks are of. */
async function reachedBy(before: Census, after: Census, context: ApiContext): Promise<DeploymentPreview> {
  const open = (await context.store.deployments.list()).filter((one) => one.open && actsByItself(one));
  const reached = open
    .map((one) => reachedOf(one, [before, after], context))
    .filter(({ newcomers }) => newcomers.length > 0);
  const newcomers = new Map(reached.flatMap((one) => one.newcomers.map((device) => [device.id, device])));
  const effects = reached.flatMap(({ deployment, name }) => [
    deployment.collectionId === null
      ? `Whoever comes takes deployment ${deployment.name}, which is open.`
      : `Whoever comes into collection ${name} takes deployment ${deployment.name}, which is open.`,
    ...diskEffects(deployment),
  ]);
  const names = reached.filter(({ risks }) => risks.length > 0).map(({ name }) => name);
  return {
    ...membersShown([...newcomers.values()]),
    effects: [...new Set(effects)],
    risks: reached.flatMap(({ deployment, risks }) =>
      risks.map(({ kind, reason }) => ({ kind, reason: `Deployment ${deployment.name}: ${reason}` })),
    ),
    confirm: names.length === 0 ? null : [...new Set(names)].join(" and "),
  };
}

/** Of what was of high risk before nothing is asked again; and who means every machine means any number of them. */
function reachedOf(
  deployment: DeploymentRecord,
  censuses: readonly [before: Census, after: Census],
  context: ApiContext,
): Reached {
  const { collectionId, machines } = deployment;
  const [were, are] = censuses.map(({ collections, devices }) => {
    const collection = collections.find(({ id }) => id === collectionId);
    const members = devices.filter(meant(machines, collection));
    const approved = devices.filter(({ state }) => state === "approved");
    return { collection, members, risks: risksOf(members, approved, { machines }, context) };
  });
  const members = new Set(were?.members.map(({ id }) => id));
  const known = new Set(were?.risks.map(({ kind }) => kind));
  if (known.has("everything")) known.add("size");
  return {
    deployment,
    name: confirmationOf(deployment, are?.collection),
    newcomers: are?.members.filter(({ id }) => !members.has(id)) ?? [],
    risks: are?.risks.filter(({ kind }) => !known.has(kind)) ?? [],
  };
}

function changed(
  collection: StoredCollection,
  { add = [], remove = [], rule }: Change["change"],
): StoredCollection {
  const left = new Set(remove);
  return {
    ...collection,
    ...(rule !== undefined && { rule }),
    devices: [...collection.devices.filter((id) => !left.has(id)), ...add],
  };
}
