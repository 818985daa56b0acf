/**
 * INF files, as far as the choice of a driver needs them. Source: "General Syntax Rules for INF Files", "INF Version
 * Section", "INF Manufacturer Section", "INF Models Section" (Windows drivers).
 */
/** The file is no INF of a driver. */
export class InfFailure extends Error {}

export interface InfModel {
  /** As people read it, from [Strings]. */
  description: string;
  /** Section that installs it, without decoration. */
  installSection: string;
  /** In capitals. */
  hardwareId: string;
  compatibleIds: string[];
}

export interface InfDriver {
  provider: string;
  className: string;
  classGuid: string;
  /** "2021-07-15"; empty when not given. */
  date: string;
  /** "10.0.1.2"; empty when not given. */
  version: string;
  /** Name of the catalog that signs it, for the architecture asked for; empty: unsigned. */
  catalog: string;
  models: InfModel[];
  /** 0 best to 255, by install section in lower case; without one it is 255. */
  featureScores: Map<string, number>;
}

export interface InfTarget {
  architecture: "amd64" | "x86" | "arm64";
  major: number;
  minor: number;
  build: number;
  /** 1 workstation, 2 domain controller, 3 server. */
  productType: number;
}

/** A driver's file is small; what is larger is something else. */
export const infBytesMost = 8 * 1024 * 1024;

type Sections = Map<string, string[][]>;

/** Throws InfFailure when it is no INF file of a driver for Windows NT. */
export function parseInf(bytes: Buffer, target: InfTarget): InfDriver {
  const { sections, strings, value, ...facts } = openInf(bytes);
  return {
    ...facts,
    catalog: value(`catalogfile.nt${target.architecture}`) || value("catalogfile.nt") || value("catalogfile"),
    models: modelsOf(sections, strings, target),
    featureScores: featureScoresOf(sections),
  };
}

export interface InfSummary extends Pick<
  InfDriver,
  "provider" | "className" | "classGuid" | "date" | "version"
> {
  /** Hardware and compatible ones of every model, for whatever system; in capitals, each once. */
  identifiers: string[];
}

/** What an INF is for, whatever Windows it would be for. Throws as parseInf. */
export function summariseInf(bytes: Buffer): InfSummary {
  const { sections, strings, value: _value, ...facts } = openInf(bytes);
  const identifiers = new Set<string>();
  for (const [, section = "", ...decorations] of sections.get("manufacturer") ?? []) {
    const name = expand(section, strings);
    for (const decoration of ["", ...decorations]) {
      for (const { compatibleIds, hardwareId } of modelsIn(sections, strings, name, decoration.trim())) {
        for (const id of [hardwareId, ...compatibleIds]) if (id !== "") identifiers.add(id);
      }
    }
  }
  return { ...facts, identifiers: [...identifiers] };
}

function openInf(bytes: Buffer) {
  if (bytes.length > infBytesMost) throw new InfFailure("The file is too large for an INF");
  const sections = readSections(decodeInf(bytes));
  const strings = stringsOf(sections);
  const version = sections.get("version") ?? [];
  const value = (name: string): string => expand(valueOf(version, name)[0] ?? "", strings);
  if (!/^\$(windows nt|chicago|windows 95)\$$/i.test(value("signature"))) {
    throw new InfFailure("The file has not the signature of an INF");
  }
  const driverVer = valueOf(version, "driverver").map((field) => expand(field, strings));
  return {
    sections,
    strings,
    value,
    provider: value("provider"),
    className: value("class"),
    classGuid: value("classguid").toUpperCase(),
    date: isoDate(driverVer[0] ?? ""),
    version: (driverVer[1] ?? "").trim(),
  };
}

/** UTF-16 with its mark, UTF-8 with its mark, or the ANSI code page, whose letters beyond ASCII are kept as they are. */
export function decodeInf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    const even = bytes.subarray(2, bytes.length - (bytes.length % 2));
    return Buffer.from(even).swap16().toString("utf16le");
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return bytes.subarray(3).toString("utf8");
  return bytes.toString("latin1");
}

/** Sections by name in lower case; sections of one name are one. A line is its fields: the key, "=" apart, the values. */
function readSections(text: string): Sections {
  const sections: Sections = new Map();
  let current: string[][] | null = null;
  for (const line of joinedLines(text)) {
    const heading = /^\s*\[([^\]]*)\]\s*$/.exec(line)?.[1];
    if (heading !== undefined) {
      const name = heading
        .trim()
        .replace(/^"(.*)"$/, "$1")
        .toLowerCase();
      current = sections.get(name) ?? [];
      sections.set(name, current);
      continue;
    }
    const fields = splitFields(line);
    if (fields.length > 0) current?.push(fields);
  }
  return sections;
}

/** Without comments, which begin with ";" outside quotation marks; a backslash at the end goes on in the next line. */
function joinedLines(text: string): string[] {
  const lines: string[] = [];
  let pending = "";
  for (const raw of text.replaceAll("\u001A", "").split(/\r\n|\n|\r/)) {
    const line = pending + withoutComment(raw).trimEnd();
    if (line.endsWith("\\") && !/^\s*\[/.test(line)) {
      pending = line.slice(0, -1);
      continue;
    }
    pending = "";
    if (line.trim() !== "") lines.push(line);
  }
  if (pending.trim() !== "") lines.push(pending);
  return lines;
}

function withoutComment(line: string): string {
  let quoted = false;
  for (let index = 0; index < line.length; index += 1) {
    if (line[index] === '"') quoted = !quoted;
    else if (line[index] === ";" && !quoted) return line.slice(0, index);
  }
  return line;
}

/** "a = b, c" gives ["a", "b", "c"]; a line without "=" has an empty key. */
function splitFields(line: string): string[] {
  const fields: string[] = [];
  let field = "";
  let quoted = false;
  let hasKey = false;
  for (let index = 0; index < line.length; index += 1) {
    const character = line[index] ?? "";
    if (character === '"') {
      if (quoted && line[index + 1] === '"') {
        field += '"';
        index += 1;
      } else quoted = !quoted;
    } else if (!quoted && character === "=" && !hasKey) {
      hasKey = true;
      fields.push(field.trim());
      field = "";
    } else if (!quoted && character === ",") {
      fields.push(field.trim());
      field = "";
    } else field += character;
  }
  fields.push(field.trim());
  if (!hasKey) fields.unshift("");
  return fields;
}

function valueOf(section: readonly string[][], key: string): string[] {
  return section.find((fields) => fields[0]?.toLowerCase() === key)?.slice(1) ?? [];
}

/** [Strings] of no language, then of any for what is not there. */
function stringsOf(sections: Sections): Map<string, string> {
  const strings = new Map<string, string>();
  const names = [...sections.keys()].filter((name) => /^strings(\.[0-9a-f]{4})?$/.test(name)).sort();
  for (const name of names) {
    for (const [key = "", ...values] of sections.get(name) ?? []) {
      const lower = key.toLowerCase();
      if (key !== "" && !strings.has(lower)) strings.set(lower, values.join(","));
    }
  }
  return strings;
}

function expand(text: string, strings: ReadonlyMap<string, string>): string {
  return text
    .replaceAll(/%([^%]*)%/g, (whole, name: string) =>
      name === "" ? "%" : (strings.get(name.toLowerCase()) ?? whole),
    )
    .trim();
}

/** "mm/dd/yyyy", as the documentation wants it. */
function isoDate(text: string): string {
  const match = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4})$/.exec(text.trim());
  if (match === null) return "";
  return `${match[3]}-${(match[1] ?? "").padStart(2, "0")}-${(match[2] ?? "").padStart(2, "0")}`;
}

function modelsOf(sections: Sections, strings: ReadonlyMap<string, string>, target: InfTarget): InfModel[] {
  return (sections.get("manufacturer") ?? []).flatMap(([, section = "", ...decorations]) => {
    const decoration = bestDecoration(decorations, target);
    return decoration === null ? [] : modelsIn(sections, strings, expand(section, strings), decoration);
  });
}

/** Of the models section of that name and decoration. */
function modelsIn(
  sections: Sections,
  strings: ReadonlyMap<string, string>,
  name: string,
  decoration: string,
): InfModel[] {
  const models: InfModel[] = [];
  const lines = sections.get((decoration === "" ? name : `${name}.${decoration}`).toLowerCase()) ?? [];
  for (const [description = "", install = "", hardwareId = "", ...compatible] of lines) {
    if (hardwareId === "" && compatible.length === 0) continue;
    models.push({
      description: expand(description, strings),
      installSection: expand(install, strings),
      hardwareId: expand(hardwareId, strings).toUpperCase(),
      compatibleIds: compatible.map((id) => expand(id, strings).toUpperCase()).filter((id) => id !== ""),
    });
  }
  return models;
}

/**
 * Of TargetOSVersion decorations the closest that fits: nt[Architecture][.[OSMajorVersion][.[OSMinorVersion][.
 * [ProductType][.[SuiteMask][.[BuildNumber]]]]]]. "" for an undecorated section, which only 32-bit systems take. Null:
 * none fits.
 */
export function bestDecoration(decorations: readonly string[], target: InfTarget): string | null {
  let best: { text: string; rank: number[] } | null = null;
  const given = decorations.filter((text) => text !== "");
  for (const text of given.length === 0 ? [""] : given) {
    const rank = rankDecoration(text.trim().toLowerCase(), target);
    if (rank !== null && (best === null || compare(rank, best.rank) > 0)) best = { text: text.trim(), rank };
  }
  // Where none of the decorations fits, the undecorated section is what an x86 system falls back to.
  if (best === null && target.architecture === "x86" && given.length > 0) return "";
  return best?.text ?? null;
}

/** How exact a decoration is, most important first; null when it does not fit. */
function rankDecoration(text: string, target: InfTarget): number[] | null {
  if (text === "") return target.architecture === "x86" ? [0, 0, 0, 0, 0] : null;
  const [platform = "", major, minor, product, , build] = text.split(".");
  const architecture = platform.replace(/^nt/, "");
  if (architecture !== "" && architecture !== target.architecture) return null;
  if (architecture === "" && target.architecture !== "x86") return null;
  const number = (field: string | undefined): number => {
    if (field === undefined || field === "") return -1;
    return field.startsWith("0x") ? Number.parseInt(field, 16) : Number.parseInt(field, 10);
  };
  const [wantedMajor, wantedMinor] = [number(major), number(minor)];
  const least = [Math.max(wantedMajor, 0), Math.max(wantedMinor, 0), Math.max(number(build), 0)];
  if (compare([target.major, target.minor, target.build], least) < 0) return null;
  const wantedProduct = number(product);
  if (wantedProduct > 0 && wantedProduct !== target.productType) return null;
  return [wantedMajor, wantedMinor, number(build), wantedProduct, architecture === "" ? 0 : 1];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `FeatureScore=xx` of each install section, hexadecimal, with or without its decoration. */
function featureScoresOf(sections: Sections): Map<string, number> {
  const scores = new Map<string, number>();
  for (const [name, lines] of sections) {
    const written = valueOf(lines, "featurescore")[0];
    const score = written === undefined ? Number.NaN : Number.parseInt(written, 16);
    if (score >= 0 && score <= 0xff) scores.set(name.replace(/\.nt[^.]*(\..*)?$/, ""), score);
  }
  return scores;
}
