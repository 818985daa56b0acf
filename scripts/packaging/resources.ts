/**
 * The resources of volley-agent.exe: what Windows shows of it in place of Node's (icon, name, version), and the blob with
 * the agent.
 */
import { agentVersion } from "../../agent/version.ts";
import { drawIcon, pngOf } from "./icon.ts";

/** The part of resedit that is used. Its own declarations bring a browser's types into every file of the project. */
interface Resedit {
  NtExecutable: { from(bytes: Uint8Array, options: { ignoreCert: boolean }): Executable };
  NtExecutableResource: { from(executable: Executable): Resources };
  Resource: {
    IconGroupEntry: {
      fromEntries(entries: readonly Entry[]): { id: number; lang: number }[];
      replaceIconsForResource(entries: Entry[], id: number, lang: number, icons: object[]): void;
    };
    VersionInfo: { createEmpty(): VersionInfo };
  };
  Data: { RawIconItem: { from(bytes: Uint8Array, width: number, height: number, bits: number): object } };
}
interface Executable {
  generate(): ArrayBuffer;
}
interface Entry {
  type: number | string;
  id: number | string;
  lang: number;
  codepage: number;
  bin: ArrayBuffer;
}
interface Resources {
  entries: Entry[];
  outputResource(executable: Executable): void;
}
interface VersionInfo {
  fixedInfo: { fileOS: number; fileType: number };
  setFileVersion(version: string, language: number): void;
  setProductVersion(version: string, language: number): void;
  setStringValues(language: { lang: number; codepage: number }, values: Record<string, string>): void;
  outputToResourceEntries(entries: Entry[]): void;
}

const iconSides = [16, 24, 32, 48, 64, 256];
const english = 0x0409;
const unicode = 1200;
/** RT_RCDATA and RT_VERSION; VOS_NT_WINDOWS32 and VFT_APP ("Menus and Other Resources", Windows). */
const dataResource = 10;
const versionResource = 16;
const windowsNt = 0x40004;
const application = 1;

/** A Windows Node with our resources, `blob` among them, and without its signature: one that fits no more is worse than none. */
export async function replaceResources(node: Buffer, blob: Buffer): Promise<Buffer> {
  const name: string = "resedit";
  const library = (await import(name)) as Resedit;
  const executable = library.NtExecutable.from(node, { ignoreCert: true });
  const resources = library.NtExecutableResource.from(executable);
  resources.entries = resources.entries.filter(({ type }) => type !== versionResource);
  putIcon(resources.entries, library);
  putVersion(resources.entries, library);
  resources.entries.push({
    type: dataResource,
    id: "NODE_SEA_BLOB",
    lang: english,
    codepage: 0,
    bin: new Uint8Array(blob).buffer,
  });
  resources.outputResource(executable);
  return Buffer.from(executable.generate());
}

function putIcon(entries: Entry[], { Data, Resource }: Resedit): void {
  const [group] = Resource.IconGroupEntry.fromEntries(entries);
  const icons = iconSides.map((side) => {
    return Data.RawIconItem.from(pngOf(drawIcon(side), side), side, side, 32);
  });
  const { id, lang } = group ?? { id: 1, lang: english };
  Resource.IconGroupEntry.replaceIconsForResource(entries, id, lang, icons);
}

function putVersion(entries: Entry[], { Resource }: Resedit): void {
  const version = Resource.VersionInfo.createEmpty();
  version.setFileVersion(`${agentVersion}.0`, english);
  version.setProductVersion(`${agentVersion}.0`, english);
  version.fixedInfo.fileOS = windowsNt;
  version.fixedInfo.fileType = application;
  version.setStringValues(
    { lang: english, codepage: unicode },
    {
      CompanyName: "The Volley project",
      FileDescription: "Volley agent",
      FileVersion: agentVersion,
      InternalName: "volley-agent",
      LegalCopyright: "MIT licence; Node.js and what else is in it under their own (licences.txt)",
      OriginalFilename: "volley-agent.exe",
      ProductName: "Volley",
      ProductVersion: agentVersion,
    },
  );
  version.outputToResourceEntries(entries);
}
