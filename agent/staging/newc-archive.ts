/** An archive that a kernel unpacks into its initial file system, where there is no cpio: "initramfs buffer format" (Linux). */

export interface ArchivedFile {
  /** Without a "/" at its start. */
  path: string;
  mode: number;
  content: Buffer;
}

const folderType = 0o040000;
const fileType = 0o100000;
const folderMode = 0o755;

/** All belongs to root; folders on the way are made. What follows it may begin at its end. */
export function packNewc(files: readonly ArchivedFile[]): Buffer {
  const folders = new Set<string>();
  for (const { path } of files) {
    const names = path.split("/");
    for (let length = 1; length < names.length; length += 1) folders.add(names.slice(0, length).join("/"));
  }
  let inode = 0;
  const entries = [
    ...[...folders].sort().map((path) => ({ path, mode: folderType | folderMode, content: Buffer.alloc(0) })),
    ...files.map((file) => ({ ...file, mode: fileType | file.mode })),
    { path: "TRAILER!!!", mode: 0, content: Buffer.alloc(0) },
  ];
  const parts = entries.flatMap((entry) => entryParts(entry, (inode += 1)));
  // The next archive may begin at a multiple of 4.
  return padded(Buffer.concat(parts));
}

function entryParts({ content, mode, path }: ArchivedFile, inode: number): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  // Magic, then: inode, mode, user, group, links, time, size, two devices of two numbers, length of the name, check sum.
  const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${numbers.map((value) => value.toString(16).toUpperCase().padStart(8, "0")).join("")}`;
  return [padded(Buffer.concat([Buffer.from(header, "latin1"), name])), padded(content)];
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
