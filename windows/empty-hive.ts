/** A registry hive with nothing in it ("regf" format), laid out by hand: hivexregedit puts into it what is wanted. */
const pageBytes = 4096;

/** The file: its root has no values and no keys. */
export function emptyHive(): Buffer {
  const header = Buffer.alloc(pageBytes);
  header.write("regf", 0, "latin1");
  header.writeUInt32LE(1, 4);
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(1, 20);
  header.writeUInt32LE(3, 24);
  header.writeUInt32LE(1, 32);
  // Place of the root key in the pages, and their length.
  header.writeUInt32LE(0x20, 36);
  header.writeUInt32LE(pageBytes, 40);
  header.writeUInt32LE(1, 44);
  let sum = 0;
  for (let at = 0; at < 508; at += 4) sum = (sum ^ header.readUInt32LE(at)) >>> 0;
  header.writeUInt32LE(sum, 508);
  return Buffer.concat([header, rootPage()]);
}

function rootPage(): Buffer {
  const page = Buffer.alloc(pageBytes);
  page.write("hbin", 0, "latin1");
  page.writeUInt32LE(pageBytes, 8);
  const name = "NewStoreRoot";
  const keyBytes = roundUp(4 + 76 + name.length);
  const securityAt = 0x20 + keyBytes;
  writeKey(page, 0x20, keyBytes, { name, securityAt });
  const descriptor = securityDescriptor();
  const securityBytes = roundUp(4 + 20 + descriptor.length);
  page.writeInt32LE(-securityBytes, securityAt);
  page.write("sk", securityAt + 4, "latin1");
  page.writeUInt32LE(securityAt, securityAt + 8);
  page.writeUInt32LE(securityAt, securityAt + 12);
  page.writeUInt32LE(1, securityAt + 16);
  page.writeUInt32LE(descriptor.length, securityAt + 20);
  descriptor.copy(page, securityAt + 24);
  const freeAt = securityAt + securityBytes;
  page.writeInt32LE(pageBytes - freeAt, freeAt);
  return page;
}

function writeKey(
  page: Buffer,
  at: number,
  bytes: number,
  { name, securityAt }: { name: string; securityAt: number },
): void {
  page.writeInt32LE(-bytes, at);
  page.write("nk", at + 4, "latin1");
  // A root, with a name in single bytes.
  page.writeUInt16LE(0x2c, at + 6);
  for (const none of [16, 28, 32, 40, 48]) page.writeUInt32LE(none === 16 ? 0 : 0xffffffff, at + 4 + none);
  page.writeUInt32LE(securityAt, at + 4 + 44);
  page.writeUInt32LE(0, at + 4 + 20);
  page.writeUInt32LE(0, at + 4 + 24);
  page.writeUInt32LE(0, at + 4 + 36);
  page.writeUInt16LE(name.length, at + 4 + 72);
  page.write(name, at + 4 + 76, "latin1");
}

/** Owned by Everyone, and open to all: who may change the file is for its file system to say. */
function securityDescriptor(): Buffer {
  const everyone = Buffer.from([1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  const header = Buffer.alloc(20);
  header.writeUInt8(1, 0);
  header.writeUInt16LE(0x8000, 2);
  header.writeUInt32LE(20, 4);
  header.writeUInt32LE(32, 8);
  return Buffer.concat([header, everyone, everyone]);
}

const roundUp = (bytes: number): number => Math.ceil(bytes / 8) * 8;
