/**
 * The characters of an XML file from its bytes: byte order mark first, then what the first bytes look like, then the
 * XML declaration. Source: XML 1.0, appendix F.
 */
import { quoted, unreadable } from "./problems.ts";

export interface DecodedText {
  /** Without the byte order mark. */
  text: string;
  /** What is odd about the encoding and was put right, a sentence; null when nothing is. */
  remark: string | null;
}

const declarationBytes = 256;
const replacement = "\ufffd";

/** Rejects bytes that are not text of their encoding with E_SEQUENCE_UNREADABLE. */
export function decodeXml(bytes: Uint8Array): DecodedText {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) {
    return { text: decode(bytes.subarray(3), "utf-8"), remark: null };
  }
  const isWide = third === 0 && fourth === 0 && (first === 0xff || first === 0x3c);
  if (bytes.length >= 4 && (isWide || (first === 0 && second === 0 && (third === 0xfe || fourth === 0x3c)))) {
    throw unreadable("The file is UTF-32, which no product writes task sequences in: save it as UTF-8");
  }
  if (first === 0xff && second === 0xfe) return wide(bytes.subarray(2), "little");
  if (first === 0xfe && second === 0xff) return wide(bytes.subarray(2), "big");
  if (bytes.length >= 2 && first !== 0 && second === 0) return wide(bytes, "little");
  if (bytes.length >= 2 && first === 0 && second !== 0) return wide(bytes, "big");
  return byDeclaration(bytes);
}

function byDeclaration(bytes: Uint8Array): DecodedText {
  const start = Buffer.from(bytes.subarray(0, declarationBytes)).toString("latin1");
  const declared = /^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"']+)["']/.exec(start)?.[1] ?? "utf-8";
  if (/^(utf-?16|utf-?16le|utf-?16be|ucs-?2|iso-10646-ucs-2)$/i.test(declared)) {
    const remark = `The XML declaration says ${declared}, the bytes are UTF-8: read as UTF-8`;
    return { text: decode(bytes, "utf-8"), remark };
  }
  return { text: decode(bytes, declared), remark: null };
}

function decode(bytes: Uint8Array, encoding: string): string {
  const decoder = decoderOf(encoding);
  try {
    return decoder.decode(bytes);
  } catch (error) {
    const line = firstBadLine(new TextDecoder(encoding).decode(bytes));
    throw unreadable(`Line ${line}: these bytes are no ${encoding} text`, error);
  }
}

function decoderOf(encoding: string) {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch (error) {
    throw unreadable(`The XML declaration names the encoding ${quoted(encoding)}, which is not known`, error);
  }
}

function wide(bytes: Uint8Array, order: "little" | "big"): DecodedText {
  if (bytes.length % 2 !== 0) throw unreadable("The file is UTF-16 with half a character at its end");
  const little = order === "little" ? bytes : Buffer.from(bytes).swap16();
  return { text: decode(little, "utf-16le"), remark: null };
}

function firstBadLine(text: string): number {
  const end = text.indexOf(replacement);
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}
