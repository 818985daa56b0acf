/** Objects and elements of a boot configuration as registry text, which hivexregedit puts into a store. */
export const bootManagerId = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";

/** An element's number, eight hexadecimal digits, and its value. */
export type Element = [type: string, value: { text: string } | { list: string[] } | { bytes: Buffer }];
export type StoreObject = [id: string, type: number, elements: Element[]];

/** What hivexregedit is told, to merge the file `text` into the hive `store`. */
export function mergeWords(store: string, text: string): string[] {
  return ["--merge", "--prefix", "HKEY_LOCAL_MACHINE\\BCD", store, text];
}

/** For `mergeWords`. */
export function storeText(objects: readonly StoreObject[]): string {
  // hivexregedit makes no key whose parent it does not know.
  const lines = ["Windows Registry Editor Version 5.00", "", "[HKEY_LOCAL_MACHINE\\BCD\\Objects]", ""];
  for (const [id, type, elements] of objects) {
    const key = `[HKEY_LOCAL_MACHINE\\BCD\\Objects\\${id}`;
    lines.push(`${key}]`, "");
    lines.push(`${key}\\Description]`, `"Type"=dword:${type.toString(16).padStart(8, "0")}`, "");
    lines.push(`${key}\\Elements]`, "");
    for (const [name, value] of elements) {
      lines.push(`${key}\\Elements\\${name}]`, `"Element"=${registryValue(value)}`, "");
    }
  }
  return `${lines.join("\n")}\n`;
}

function registryValue(value: Element[1]): string {
  if ("text" in value) return `hex(1):${hex(utf16(value.text))}`;
  if ("list" in value) {
    const bytes = Buffer.concat([...value.list.map(utf16), Buffer.alloc(2)]);
    return `hex(7):${hex(bytes)}`;
  }
  return `hex(3):${hex(value.bytes)}`;
}

/** With the zero that ends it. */
export const utf16 = (text: string): Buffer => Buffer.from(`${text}\0`, "utf16le");
const hex = (bytes: Buffer): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(",");

export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A device element: 16 bytes for options, then type, flags and size of what follows, of which 72 bytes are used here. */
export function deviceBytes(type: number): Buffer {
  const bytes = Buffer.alloc(88);
  bytes.writeUInt32LE(type, 16);
  bytes.writeUInt32LE(72, 24);
  return bytes;
}

/** "boot": where the boot manager itself came from. */
export function bootDevice(): Buffer {
  return deviceBytes(5);
}

/** As Windows lays a GUID out in memory: the first three groups in little-endian order. */
export function guidBytes(guid: string): Buffer {
  const digits = guid.replaceAll(/[^0-9A-Fa-f]/g, "");
  if (digits.length !== 32) throw new Error(`"${guid}" is no GUID`);
  const bytes = Buffer.from(digits, "hex");
  bytes.writeUInt32LE(bytes.readUInt32BE(0), 0);
  bytes.writeUInt16LE(bytes.readUInt16BE(4), 4);
  bytes.writeUInt16LE(bytes.readUInt16BE(6), 6);
  return bytes;
}
