/**
 * Open deployments follow their collection, so that a change of who is in it can make of one what a person would have had to
 * confirm: such a change is confirmed as the deployment would have been.
 */
import type { CollectionChange, DeploymentPreview, DeviceRecord } from "../../contract/devices.ts";
import { isMember, type StoredCollection } from "../store/collections.ts";
import type { ApiContext } from "./context.ts";
import { diskEffects } from "./disk-effects.ts";
import { actsByItself, checkConfirmed, membersShown, risksOf } from "./guards.ts";

interface Change {
  before: StoredCollection;
  change: Pick<CollectionChange, "add" | "remove" | "rule">;
  /** Those that the site knows, and those that it is to know with the change. */
  devices: readonly DeviceRecord[];
}

/** Of what was of high risk before the change nothing is asked again: `risks` are those that it brings. */
export async function previewOfChange(
  { before, change, devices }: Change,
  context: ApiContext,
): Promise<DeploymentPreview> {
  const approved = devices.filter(({ state }) => state === "approved");
  const after = changed(before, change);
  const [were, are] = [before, after].map((one) => approved.filter((device) => isMember(one, device)));
  const open = (await context.store.deployments.list()).filter(
    (one) => one.open && one.collectionId === before.id && actsByItself(one),
  );
  const risksTo = (members: readonly DeviceRecord[] = []): DeploymentPreview["risks"] =>
    open.length === 0 ? [] : risksOf(members, approved, { machines: [] }, context);
  const known = new Set(risksTo(were).map(({ kind }) => kind));
  const risks = risksTo(are).filter(({ kind }) => !known.has(kind));
  return {
    ...membersShown(are ?? []),
    effects: open.flatMap((one) => [
      `Whoever comes into the collection takes deployment ${one.name}, which is open.`,
      ...diskEffects(one),
    ]),
    risks,
    confirm: risks.length === 0 ? null : before.name,
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

/** Throws E_NOT_CONFIRMED. */
export async function requireChangeConfirmation(
  wanted: Change & { confirm?: string | undefined },
  context: ApiContext,
): Promise<void> {
  checkConfirmed(await previewOfChange(wanted, context), wanted.confirm);
}
