/** Where each chunk of an image lies in its content, as the manifest has it (docs/PROTOCOL.md 1.1). */

const headerBytes = 96;
const entryBytes = 40;
const storedBytesAt = 32;
const countAt = 68;

/** `manifest`: one that readManifest has accepted. Bytes from the start of the content. */
export function chunkPlaces(
  manifest: Buffer,
  chunks: readonly number[],
): { offset: number; bytes: number }[] {
  const wanted = new Set(chunks);
  const places: { offset: number; bytes: number }[] = [];
  let offset = 0;
  for (let chunk = 0; chunk < manifest.readUInt32LE(countAt); chunk += 1) {
    const bytes = manifest.readUInt32LE(headerBytes + chunk * entryBytes + storedBytesAt);
    if (wanted.has(chunk)) places.push({ offset, bytes });
    offset += bytes;
  }
  return places;
}
