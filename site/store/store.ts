/** The site's memory: one database, seen through one small class for each thing it keeps. */
import { openDatabase, type Database } from "./database.ts";
import { CredentialStore } from "./credentials.ts";
import { DeploymentStore } from "./deployments.ts";
import { ImageStore } from "./images.ts";
import { MachineStore } from "./machines.ts";
import { ReportStore } from "./reports.ts";
import { SessionStore } from "./sessions.ts";

export interface Store {
  readonly database: Database;
  readonly images: ImageStore;
  readonly credentials: CredentialStore;
  readonly machines: MachineStore;
  readonly deployments: DeploymentStore;
  readonly reports: ReportStore;
  readonly sessions: SessionStore;
  close(): Promise<void>;
}

/** `folder` is the database's own and belongs to the caller alone. Throws E_STORE. */
export async function openStore(folder: string): Promise<Store> {
  const database = await openDatabase(folder);
  return {
    database,
    images: new ImageStore(database),
    credentials: new CredentialStore(database),
    machines: new MachineStore(database),
    deployments: new DeploymentStore(database),
    reports: new ReportStore(database),
    sessions: new SessionStore(database),
    close: () => database.destroy(),
  };
}
