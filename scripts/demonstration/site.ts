/** The demo's site: `volley site` as its own process on loopback, and a client that administers it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  CredentialAnswer,
  DeploymentRecord,
  ImageRecord,
  ImportState,
} from "../../contract/administration.ts";
import { isErrorCode, VolleyError } from "../../contract/errors.ts";
import { SiteClient } from "../../site/client.ts";
import type { Program, Programs } from "./programs.ts";

export const siteAddress = "127.0.0.1";
const startPatienceMs = 60_000;
const pollMs = 150;

/** What `volley site` writes to DATA/site.json when it answers. */
interface Location {
  port: number;
  fingerprint: string;
  pid: number;
}

export interface DemoSite {
  readonly program: Program;
  readonly client: SiteClient;
  readonly url: string;
  readonly fingerprint: string;
  readonly adminTokenFile: string;
}

/** Throws with the end of the site's log when it does not come up. */
export async function startSite(programs: Programs, script: string, dataFolder: string): Promise<DemoSite> {
  const argv = ["site", "--data", dataFolder, "--address", siteAddress, "--port", "0", "--json"];
  const program = programs.start("site", script, argv);
  let exitCode: number | null | undefined;
  void program.ended.then((code) => (exitCode = code));
  const giveUpMs = Date.now() + startPatienceMs;
  for (;;) {
    const location = readLocation(dataFolder);
    if (location) {
      const adminTokenFile = join(dataFolder, "admin-token");
      const client = new SiteClient({
        address: siteAddress,
        port: location.port,
        authority: readFileSync(join(dataFolder, "authority", "authority.pem"), "utf8"),
        adminToken: readFileSync(adminTokenFile, "utf8").trim(),
      });
      const url = `https://${siteAddress}:${location.port}`;
      return { program, client, url, fingerprint: location.fingerprint, adminTokenFile };
    }
    if (exitCode !== undefined || Date.now() > giveUpMs) {
      const why =
        exitCode === undefined ? `did not answer in ${startPatienceMs / 1000} s` : `ended with ${exitCode}`;
      throw new VolleyError("E_SITE_UNREACHABLE", `The site ${why}:\n${program.output().slice(-2000)}`);
    }
    await sleep(pollMs);
  }
}

function readLocation(dataFolder: string): Location | undefined {
  try {
    return JSON.parse(readFileSync(join(dataFolder, "site.json"), "utf8")) as Location;
  } catch {
    return undefined;
  }
}

/** The process of the site with this data folder, or 0 when there is none that answers. */
export const siteProcessOf = (dataFolder: string): number => readLocation(dataFolder)?.pid ?? 0;

/** Takes an image into the site's library. Throws what the import ended with. */
export async function importImage(
  { client }: DemoSite,
  path: string,
  onProgress: (part: number) => void,
): Promise<ImageRecord> {
  const { id } = await client.post<ImportState>("/images", { path, name: "demo" });
  for (;;) {
    const state = await client.get<ImportState>(`/imports/${id}`);
    onProgress(state.bytesTotal === 0 ? 0 : state.bytesDone / state.bytesTotal);
    if (state.error) {
      const code = isErrorCode(state.error.code) ? state.error.code : "E_INTERNAL";
      throw new VolleyError(code, state.error.detail);
    }
    if (state.state === "done" && state.image) return state.image;
    await sleep(pollMs);
  }
}

/** Opens a deployment of the image to every machine that enrols, and makes the credential they enrol with. */
export async function openDeployment(
  { client }: DemoSite,
  image: ImageRecord,
  clients: number,
): Promise<string> {
  await client.post<DeploymentRecord>("/deployments", {
    name: "demo",
    imageId: image.id,
    machines: "all",
    unattended: true,
    confirm: "all machines",
  });
  const { credential } = await client.post<CredentialAnswer>("/credentials", {
    uses: clients,
    validHours: 24,
  });
  return credential;
}
