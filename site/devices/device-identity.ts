/** What a computer that boots from the network says of itself, each in one form. */

export interface ComputerIdentity {
  /** Lower case, as the firmware shows it; null for none that means anything. */
  uuid: string | null;
  /** Lower case with colons. */
  mac: string | null;
}

/** UUIDs that board makers left as they were in the firmware's sample: the same on thousands of boards. */
const meaninglessUuids = new Set([
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "03000200-0400-0500-0006-000700080009",
  "00020003-0004-0005-0006-000700080009",
  "12345678-1234-5678-90ab-cddeefaabbcc",
  "12345678-1234-1234-1234-123456789abc",
  "fefefefe-fefe-fefe-fefe-fefefefefefe",
  "4c4c4544-0000-2010-8020-80c04f202020",
]);

export function uuidOf(text: string): string | null {
  const uuid = text.toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return null;
  return meaninglessUuids.has(uuid) ? null : uuid;
}

export function macOf(text: string): string | null {
  const mac = text.toLowerCase().replaceAll("-", ":");
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && mac !== "00:00:00:00:00:00" ? mac : null;
}

/**
 * The same 16 bytes read in the other order: SMBIOS has the first three fields in little endian since 2.6, and firmware
 * and boot loaders differ in whether they heed that.
 */
export function otherByteOrder(uuid: string): string {
  const [first = "", second = "", third = "", ...rest] = uuid.split("-");
  const reversed = [first, second, third].map((field) => (field.match(/../g) ?? []).toReversed().join(""));
  return [...reversed, ...rest].join("-");
}
