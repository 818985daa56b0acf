/** Devices, collections of them, and the variables of both: what an administrator tells the site of its machines. */
import { z } from "zod";
import { Identifier, Name, Time } from "./common.ts";
import { limits } from "./limits.ts";
import { MachineFacts } from "./machine.ts";
import { MacAddress, SmbiosUuid } from "./pxe.ts";

/**
 * A computer, whether or not it has enrolled: told by hand or by CSV, seen as it asked by PXE, or enrolled. "waiting": it
 * is unknown, and gets nothing until it is approved. "refused": it gets nothing.
 */
export const DeviceState = z.enum(["waiting", "approved", "refused"]);
export type DeviceState = z.infer<typeof DeviceState>;
export const DeviceRecord = z.object({
  id: Identifier,
  name: z.string(),
  uuid: z.string().nullable(),
  mac: z.string().nullable(),
  state: DeviceState,
  added: Time,
  /** Null until it has enrolled, and so what follows. */
  machineId: Identifier.nullable(),
  facts: MachineFacts.nullable(),
  lastSeen: Time.nullable(),
});
export type DeviceRecord = z.infer<typeof DeviceRecord>;

/**
 * What a DeploymentPreview asks for, where a change lets open deployments of high risk reach devices: the names of the
 * collections (or deployments) with " and " between.
 */
const Confirmation = z.string().min(1).max(limits.confirmationCharacters).optional();

const device = {
  name: Name,
  uuid: SmbiosUuid.nullable().default(null),
  mac: MacAddress.nullable().default(null),
};
type Numbers = { uuid: string | null; mac: string | null };
const hasNumber = ({ mac, uuid }: Numbers): boolean => uuid !== null || mac !== null;
const needsNumber = "a computer is known by its UUID or its MAC";
export const DeviceRequest = z.object(device).refine(hasNumber, needsNumber);
export type DeviceRequest = z.infer<typeof DeviceRequest>;
/**
 * POST /devices: makes a computer known; POST /devices/preview: what open deployments will do to it. GET lists them; DELETE
 * /devices/:id forgets what was told of one.
 */
export const DeviceAddition = z.object({ ...device, confirm: Confirmation }).refine(hasNumber, needsNumber);
/** POST /devices/:id/state: approves or refuses it. POST /devices/:id/state/preview: what open deployments will do to it. */
export const DeviceStateRequest = z.object({
  state: z.enum(["approved", "refused"]),
  confirm: Confirmation,
});

/**
 * POST /devices/import: a CSV file whose first line names its columns: name, and uuid or mac or both, in any order; a
 * column "collection" puts the device into the collection of that name, which is made where there is none.
 * POST /devices/import/preview: what open deployments will do to those that come.
 */
export const ImportDevices = z.object({
  csv: z.string().max(limits.deviceImportCharacters),
  confirm: Confirmation,
});
export const ImportDevicesAnswer = z.object({
  added: z.int(),
  /**
   * Lines that added no device, mostly since the site knows the computer, and why. `collection`: what a known one was put into
   * all the same, since its line names it; null for none.
   */
  skipped: z.array(z.object({ line: z.int(), reason: z.string(), collection: z.string().nullable() })),
});
export type ImportDevicesAnswer = z.infer<typeof ImportDevicesAnswer>;

export const RuleFact = z.enum([
  "name",
  "uuid",
  "mac",
  "serial",
  "manufacturer",
  "model",
  "firmware",
  "operatingSystem",
  "agentVersion",
  "memoryBytes",
]);
/** Text is compared without regard to case; "like" knows * and ?; the rest compares numbers. A device without the fact never matches. */
export const RuleOperator = z.enum(["equals", "notEquals", "like", "notLike", "atLeast", "atMost"]);
export const RuleCondition = z.object({
  fact: RuleFact,
  operator: RuleOperator,
  value: z.string().min(1).max(limits.machineFactsCharacters),
});
export type RuleCondition = z.infer<typeof RuleCondition>;
/** Over what a machine's agent reports; of a device that has not enrolled name, UUID and MAC are known. */
export const CollectionRule = z.object({
  match: z.enum(["all", "any"]).default("all"),
  conditions: z.array(RuleCondition).min(1).max(limits.ruleConditions),
});
export type CollectionRule = z.infer<typeof CollectionRule>;

/** POST /collections. Its members are the named devices and those that the rule matches, at any time anew. */
export const CollectionRequest = z.object({
  name: Name,
  devices: z.array(Identifier).max(limits.collectionDevices).default([]),
  rule: CollectionRule.nullable().default(null),
});
export type CollectionRequest = z.infer<typeof CollectionRequest>;
/**
 * POST /collections/:id: what is not named stays. POST /collections/:id/preview: what it would do to the open deployments to
 * the collection.
 */
export const CollectionChange = z
  .object({
    name: Name,
    add: z.array(Identifier).max(limits.collectionDevices),
    remove: z.array(Identifier).max(limits.collectionDevices),
    rule: CollectionRule.nullable(),
    /** Where the preview asks for it. */
    confirm: Name,
  })
  .partial();
export type CollectionChange = z.infer<typeof CollectionChange>;
export const CollectionRecord = z.object({
  id: Identifier,
  name: Name,
  rule: CollectionRule.nullable(),
  /** Named ones only. */
  devices: z.array(Identifier),
  created: Time,
  /** All of them, by name or by rule. */
  members: z.array(z.object({ id: Identifier, name: z.string() })),
});
export type CollectionRecord = z.infer<typeof CollectionRecord>;

/** POST /deployments/preview: what a deployment would do. */
export const DeploymentPreview = z.object({
  /** How many devices it is for now, and how many of them have enrolled. */
  devices: z.int(),
  enrolled: z.int(),
  /** The first of them. */
  names: z.array(z.string()),
  /** What happens, in sentences. */
  effects: z.array(z.string()),
  /** Why it is of high risk; empty when it is not. */
  risks: z.array(z.object({ kind: z.enum(["everything", "size", "site"]), reason: z.string() })),
  /** What `confirm` has to be, null when nothing is asked for. */
  confirm: z.string().nullable(),
});
export type DeploymentPreview = z.infer<typeof DeploymentPreview>;

/** POST /deployments/:id/clear: these machines are to do it once more. */
export const DeploymentClear = z.object({
  machines: z.union([z.literal("all"), z.array(Identifier).min(1).max(65_536)]),
  confirm: Name.optional(),
});
/** How many machines that is so for. */
export const DeploymentCleared = z.object({ cleared: z.int() });
export type DeploymentCleared = z.infer<typeof DeploymentCleared>;
