/** What hivexget and hivexsh (libhivex-bin) print of a registry key: its values, as a running Windows would name them. */

export interface RegistryValue {
  /** "REG_SZ", "REG_DWORD", … */
  type: string;
  /** Numbers in decimal, several texts with "\n" between them, bytes as upper-case hex. */
  data: string;
}

const line =
  /"((?:[^"\\]|\\[^])*)"=(?:dword:([0-9a-f]{8})|hex\((\d+)\):([0-9a-f,]*)|(?:str\((\d+)\):)?"((?:[^"\\]|\\[^])*)")/g;

const typeNames: Record<number, string> = {
  0: "REG_NONE",
  1: "REG_SZ",
  2: "REG_EXPAND_SZ",
  3: "REG_BINARY",
  4: "REG_DWORD",
  5: "REG_DWORD_BIG_ENDIAN",
  6: "REG_LINK",
  7: "REG_MULTI_SZ",
  11: "REG_QWORD",
};

/** What hivexsh's `lsval` prints: names in lower case to values. "@" is the default value. */
export function parseValues(output: string): Map<string, RegistryValue> {
  const values = new Map<string, RegistryValue>();
  for (const match of output.matchAll(line)) {
    const [, name = "", dword, hexType, hex, textType, text] = match;
    const key = name === "@" ? "" : unescape(name).toLowerCase();
    if (dword !== undefined) {
      values.set(key, { type: "REG_DWORD", data: String(Number.parseInt(dword, 16)) });
    } else if (hexType !== undefined) {
      values.set(key, ofBytes(Number(hexType), Buffer.from((hex ?? "").replaceAll(",", ""), "hex")));
    } else {
      values.set(key, { type: typeNames[Number(textType ?? 1)] ?? "REG_SZ", data: unescape(text ?? "") });
    }
  }
  return values;
}

function ofBytes(type: number, bytes: Buffer): RegistryValue {
  const name = typeNames[type] ?? `REG_${type}`;
  const text = (): string => bytes.toString("utf16le").replace(/\0+$/, "");
  switch (name) {
    case "REG_QWORD":
      return { type: name, data: bytes.length >= 8 ? String(bytes.readBigUInt64LE(0)) : "0" };
    case "REG_MULTI_SZ":
      return { type: name, data: text().replaceAll("\0", "\n") };
    case "REG_SZ":
    case "REG_EXPAND_SZ":
      return { type: name, data: text() };
    default:
      return { type: name, data: bytes.toString("hex").toUpperCase() };
  }
}

function unescape(text: string): string {
  return text.replaceAll(/\\([^])/g, "$1");
}
