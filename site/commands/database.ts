/** Which database a command's site has: what the command line and the environment say, else what the data folder keeps. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { siteFiles } from "../options.ts";
import { writeFileDurably } from "../store/files.ts";
import { checkDatabaseUrl, type DatabaseServer } from "../store/server-database.ts";
import { text, type Command, type CommandCall } from "./command.ts";

export const databaseOptions: Command["options"] = {
  database: {
    type: "string",
    value: "URL",
    help: "Keep the site on a PostgreSQL server: postgres://USER@HOST/NAME, without a password ($VOLLEY_DATABASE).",
  },
  "database-password": {
    type: "string",
    value: "FILE",
    help: "File with its password, else $VOLLEY_DATABASE_PASSWORD, $PGPASSWORD, $PGPASSFILE or ~/.pgpass.",
  },
  shared: {
    type: "string",
    value: "DIR",
    help: "Folder that all processes of one database have in common (the data folder).",
  },
};

/** DATA/server.json: so that every command with that folder finds the same site. */
const Kept = z.strictObject({ url: z.string(), passwordFile: z.string().nullable(), shared: z.string() });
type Kept = z.infer<typeof Kept>;

export interface SitePlace {
  dataFolder: string;
  sharedFolder: string;
  /** Null: the embedded one. */
  databaseServer: DatabaseServer | null;
}

const keptPath = (dataFolder: string): string => join(dataFolder, "server.json");

/** Throws E_USAGE, E_STORE. */
export function placeOf(dataFolder: string, environment: NodeJS.ProcessEnv): SitePlace {
  const kept = readKept(dataFolder);
  return kept === null ? embedded(dataFolder) : onServer(dataFolder, kept, environment);
}

/** A place that was chosen, and what keeps it in the data folder for every later command. */
export interface ChosenPlace {
  place: SitePlace;
  keep: () => void;
}

/** As `volley site` and `volley restore` are told. Throws E_USAGE, E_CONFLICT for a folder with a database of its own. */
export function choosePlace(call: CommandCall): ChosenPlace {
  const { dataFolder, environment } = call;
  const url = text(call, "database") ?? environment["VOLLEY_DATABASE"];
  const [passwordFile, shared] = [text(call, "database-password"), text(call, "shared")];
  const before = readKept(dataFolder);
  if (url === undefined && before === null) {
    if (passwordFile === undefined && shared === undefined) {
      return { place: embedded(dataFolder), keep: () => undefined };
    }
    throw new VolleyError("E_USAGE", "--database-password and --shared are for --database.");
  }
  const kept: Kept = {
    url: url ?? before?.url ?? "",
    passwordFile: passwordFile === undefined ? (before?.passwordFile ?? null) : resolve(passwordFile),
    shared: resolve(shared ?? before?.shared ?? dataFolder),
  };
  checkDatabaseUrl(kept.url);
  for (const folder of [dataFolder, kept.shared]) {
    if (!existsSync(siteFiles(folder).database)) continue;
    throw new VolleyError("E_CONFLICT", `The site in ${folder} has a database of its own already.`);
  }
  return {
    place: onServer(dataFolder, kept, environment),
    keep: () => {
      if (JSON.stringify(kept) === JSON.stringify(before)) return;
      writeFileDurably(keptPath(dataFolder), JSON.stringify(kept));
    },
  };
}

/** As it was told, which the folder keeps. Throws as `choosePlace`. */
export function settlePlace(call: CommandCall): SitePlace {
  const { keep, place } = choosePlace(call);
  keep();
  return place;
}

function embedded(dataFolder: string): SitePlace {
  return { dataFolder, sharedFolder: dataFolder, databaseServer: null };
}

function onServer(
  dataFolder: string,
  { passwordFile, shared, url }: Kept,
  environment: NodeJS.ProcessEnv,
): SitePlace {
  checkDatabaseUrl(url);
  const password =
    passwordFile === null ? (environment["VOLLEY_DATABASE_PASSWORD"] ?? null) : readPassword(passwordFile);
  return { dataFolder, sharedFolder: shared, databaseServer: { url, password } };
}

/** Its first line. */
function readPassword(path: string): string {
  try {
    return readFileSync(path, "utf8").split(/\r?\n/, 1)[0] ?? "";
  } catch (error) {
    throw new VolleyError("E_USAGE", `The database's password cannot be read: ${(error as Error).message}`);
  }
}

function readKept(dataFolder: string): Kept | null {
  const path = keptPath(dataFolder);
  if (!existsSync(path)) return null;
  try {
    return Kept.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new VolleyError("E_STORE", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
