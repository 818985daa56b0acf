/** What a machine says of itself, and how it enrols. */
import { z } from "zod";
import { Fact, HexKey, Identifier, Name } from "./common.ts";
import { limits } from "./limits.ts";

export const MachineFacts = z.object({
  name: Name,
  smbiosUuid: Fact.nullable(),
  serial: Fact.nullable(),
  manufacturer: Fact.nullable(),
  model: Fact.nullable(),
  macAddresses: z.array(z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)).max(limits.addressesPerMachine),
  firmware: z.enum(["bios", "uefi", "unknown"]),
  operatingSystem: z.enum(["linux", "linux-pe", "windows", "winpe"]),
  agentVersion: Fact,
  memoryBytes: z.int().min(0),
});
export type MachineFacts = z.infer<typeof MachineFacts>;

/** A PE, which keeps nothing and has no name of its own. */
export function isInPe({ operatingSystem }: MachineFacts): boolean {
  return operatingSystem === "linux-pe" || operatingSystem === "winpe";
}

/**
 * GET /authority, no authorization: the certificate of the site's authority in PEM, as text. An agent compares the
 * SHA-256 of its DER form with the fingerprint it was given before it believes anything else.
 */

/** POST /enrol, no authorization: the credential is it. */
export const EnrolRequest = z.object({ credential: z.string().min(16).max(200), machine: MachineFacts });
export type EnrolRequest = z.infer<typeof EnrolRequest>;

export const EnrolAnswer = z.object({
  machineId: Identifier,
  /** From now on `Authorization: Bearer <machineId>.<machineKey>`. */
  machineKey: HexKey,
  /** Ed25519 public key that manifests are signed with, SPKI in PEM. */
  manifestKey: z.string().max(1000),
});
export type EnrolAnswer = z.infer<typeof EnrolAnswer>;
