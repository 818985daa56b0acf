/**
 * A boot configuration read back and checked: what hivexregedit prints of a BCD store, as objects and elements, held to
 * the documented element types, to what an entry needs to start Windows, and to devices that hold on every machine.
 */
import {
  bootManagerType,
  elementFormats,
  elementName,
  ramdiskOptionsType,
  windowsLoaderType,
  type ElementFormat,
} from "./boot-elements.ts";
import { bootManagerId } from "./boot-text.ts";

export interface BootElement {
  /** Of the registry: 1 a string, 3 bytes, 7 a list of strings. */
  registryType: number;
  bytes: Buffer;
}
export interface BootObject {
  /** Its description's type; null where it has none. */
  type: number | null;
  /** By number, eight hexadecimal digits in lower case. */
  elements: Map<string, BootElement>;
}
/** By identifier in lower case, in braces. */
export type BootStore = Map<string, BootObject>;

/** `text`: what `hivexregedit --export STORE \` prints. */
export function readBootStore(text: string): BootStore {
  const store: BootStore = new Map();
  let place: { id: string; element: string | null } | null = null;
  for (const line of text.split(/\r?\n/)) {
    const key = /^\[(.*)\]$/.exec(line)?.[1];
    if (key !== undefined) {
      const match = /(?:^|\\)Objects\\(\{[^\\}]*\})(?:\\(Description|Elements(?:\\(\w{8}))?))?$/i.exec(key);
      const id = match?.[1]?.toLowerCase();
      place = null;
      if (id === undefined) continue;
      if (!store.has(id)) store.set(id, { type: null, elements: new Map() });
      place = { id, element: match?.[3]?.toLowerCase() ?? null };
      continue;
    }
    const object = place === null ? undefined : store.get(place.id);
    if (place === null || object === undefined) continue;
    const type = /^"Type"=dword:([0-9a-f]{8})$/i.exec(line)?.[1];
    if (type !== undefined) object.type = Number.parseInt(type, 16);
    const value = /^"Element"=hex\(([0-9a-f]+)\):([0-9a-f,]*)$/i.exec(line);
    if (value === null || place.element === null) continue;
    object.elements.set(place.element, {
      registryType: Number.parseInt(value[1] ?? "", 16),
      bytes: Buffer.from((value[2] ?? "").replaceAll(",", ""), "hex"),
    });
  }
  return store;
}

const formatOf = (element: string): ElementFormat | undefined =>
  elementFormats[Number(element[1]) as keyof typeof elementFormats];
const textOf = ({ bytes }: BootElement): string => bytes.toString("utf16le").replace(/\0+$/, "");

/** The texts of a string, an object or a list of objects. */
function textsOf(element: BootElement | undefined): string[] {
  if (element === undefined) return [];
  return textOf(element)
    .split("\0")
    .filter((text) => text !== "");
}

/** What is wrong with the store, sentences; none when Windows' boot manager can make sense of it on any machine. */
export function checkBootStore(store: BootStore, firmware: "uefi" | "bios"): string[] {
  const problems: string[] = [];
  for (const [id, object] of store) {
    if (object.type === null) problems.push(`${id} has no description`);
    for (const [number, element] of object.elements) {
      const problem = formProblem(number, element);
      if (problem !== null) problems.push(`${id}: element ${number} ${problem}`);
      for (const reference of referencesOf(number, element)) {
        if (!store.has(reference)) {
          problems.push(`${id}: element ${number} names ${reference}, which is not there`);
        }
      }
    }
  }
  const manager = store.get(bootManagerId);
  if (manager?.type !== bootManagerType) return [...problems, "There is no boot manager"];
  problems.push(
    ...applicationProblems(store, bootManagerId, firmware === "uefi" ? /^\\EFI\\.*\.efi$/i : null),
  );
  const shown = textsOf(manager.elements.get("24000001"));
  if (shown.length === 0) problems.push("The boot manager shows no entry");
  const [chosen] = textsOf(manager.elements.get("23000003"));
  if (chosen === undefined || !shown.includes(chosen)) {
    problems.push("The boot manager's default is none of its entries");
  }
  for (const id of shown) {
    const loader = store.get(id.toLowerCase());
    if (loader === undefined) continue;
    if (loader.type !== windowsLoaderType) problems.push(`${id} is no Windows boot loader`);
    const path = firmware === "uefi" ? /^\\Windows\\.*\\winload\.efi$/i : /^\\Windows\\.*\\winload\.exe$/i;
    problems.push(...applicationProblems(store, id.toLowerCase(), path));
    if (!textsOf(loader.elements.get("22000002"))[0]?.startsWith("\\")) {
      problems.push(`${id} has no system root`);
    }
    problems.push(...deviceProblems(store, id.toLowerCase(), "21000001"));
  }
  return problems;
}

/** Whether any entry names a disk or partition by an identifier, which then must stay what it is. */
export function namesDevices(store: BootStore): boolean {
  for (const { elements } of store.values()) {
    for (const [number, { bytes }] of elements) {
      if (formatOf(number) !== "device" || bytes.length < 32) continue;
      const kind = bytes.readUInt32LE(16);
      if (kind !== bootDevice && kind !== locateDevice && !isRamdiskFromBoot(bytes)) return true;
    }
  }
  return false;
}

/** Elements of the boot manager, of Windows' loaders and of RAM disks that are not documented, each as "{object} number". */
export function undocumentedElements(store: BootStore): string[] {
  const found: string[] = [];
  for (const [id, { type, elements }] of store) {
    if (type !== bootManagerType && type !== windowsLoaderType && type !== ramdiskOptionsType) continue;
    for (const number of elements.keys()) {
      if (elementName(type, number) === undefined) found.push(`${id} ${number}`);
    }
  }
  return found;
}

/** Strings and objects are strings of the registry, lists of objects lists, and all else bytes. */
function formProblem(number: string, { registryType, bytes }: BootElement): string | null {
  const format = formatOf(number);
  if (format === undefined) return "has no format that is known";
  const wanted = format === "object list" ? 7 : format === "string" || format === "object" ? 1 : 3;
  if (registryType !== wanted) return `is a ${format} and has registry type ${registryType}, not ${wanted}`;
  if (format === "integer" && bytes.length !== 8) return `is an integer of ${bytes.length} bytes`;
  if (format === "boolean" && bytes.length !== 1) return `is a boolean of ${bytes.length} bytes`;
  if (format === "integer list" && bytes.length % 8 !== 0) return `is a list of ${bytes.length} bytes`;
  if (format === "device" && (bytes.length < 32 || 16 + bytes.readUInt32LE(24) > bytes.length)) {
    return "is a device that is cut short";
  }
  return null;
}

function referencesOf(number: string, element: BootElement): string[] {
  const format = formatOf(number);
  if (format !== "object" && format !== "object list") return [];
  return textsOf(element).map((id) => id.toLowerCase());
}

function applicationProblems(store: BootStore, id: string, path: RegExp | null): string[] {
  const problems = deviceProblems(store, id, "11000001");
  const elements = store.get(id)?.elements;
  const [file] = textsOf(elements?.get("12000002"));
  if (path !== null && !path.test(file ?? "")) problems.push(`${id} starts "${file ?? ""}"`);
  if (textsOf(elements?.get("12000004")).length === 0) {
    problems.push(`${id} has no description for people`);
  }
  return problems;
}

const bootDevice = 5;
const locateDevice = 8;

/** "boot", "locate" and a RAM disk filled from "boot" hold on every machine; every other device names one. */
function deviceProblems(store: BootStore, id: string, number: string): string[] {
  const elements = store.get(id)?.elements;
  const bytes = elements?.get(number)?.bytes;
  if (bytes === undefined || bytes.length < 32) return [`${id} has no device ${number}`];
  const kind = bytes.readUInt32LE(16);
  if (kind === bootDevice) return [];
  if (isRamdiskFromBoot(bytes)) return ramdiskProblems(store, id, bytes);
  if (kind !== locateDevice) return [`${id}: device ${number} (kind ${kind}) is one machine's own`];
  const path = bytes.length >= 40 ? bytes.readUInt32LE(36).toString(16).padStart(8, "0") : "";
  return elements?.has(path) === true
    ? []
    : [`${id}: device ${number} is looked for by element ${path}, which is not there`];
}

/** Where in a RAM disk's device its kind stands, the device of the file it is filled from, and that file's path. */
const ramdiskAt = { kind: 32, file: 56, source: 68, path: 140 };
const ramdisk = 3;
const fileOnDevice = 5;

function isRamdiskFromBoot(bytes: Buffer): boolean {
  if (bytes.length < ramdiskAt.path + 2) return false;
  return (
    bytes.readUInt32LE(16) === 0 &&
    bytes.readUInt32LE(ramdiskAt.kind) === ramdisk &&
    bytes.readUInt32LE(ramdiskAt.file + 8) === fileOnDevice &&
    bytes.readUInt32LE(ramdiskAt.source) === bootDevice
  );
}

/** The file is named whole, and the object with its options says where boot.sdi is. */
function ramdiskProblems(store: BootStore, id: string, bytes: Buffer): string[] {
  const problems: string[] = [];
  const path = bytes.subarray(ramdiskAt.path).toString("utf16le");
  if (!/^\\[^\0]+\0$/.test(path)) problems.push(`${id}: its RAM disk is filled from "${path}"`);
  const lengths = [bytes.readUInt32LE(24) + 16, bytes.readUInt32LE(ramdiskAt.file + 4) + ramdiskAt.file];
  if (lengths.some((length) => length !== bytes.length)) problems.push(`${id}: its RAM disk is cut short`);
  const options = guidText(bytes.subarray(0, 16));
  const elements = store.get(options)?.elements;
  if (store.get(options)?.type !== ramdiskOptionsType || elements === undefined) {
    return [...problems, `${id}: the RAM disk's options ${options} are not there`];
  }
  if (elements.get("31000003")?.bytes.readUInt32LE(16) !== bootDevice) {
    problems.push(`${options}: boot.sdi is not where the boot manager came from`);
  }
  if (!textsOf(elements.get("32000004"))[0]?.startsWith("\\")) problems.push(`${options} names no boot.sdi`);
  return problems;
}

/** In lower case, in braces. */
function guidText(bytes: Buffer): string {
  const [first, second, third] = [bytes.readUInt32LE(0), bytes.readUInt16LE(4), bytes.readUInt16LE(6)];
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  const rest = bytes.subarray(8, 16).toString("hex");
  return `{${hex(first, 8)}-${hex(second, 4)}-${hex(third, 4)}-${rest.slice(0, 4)}-${rest.slice(4)}}`;
}
