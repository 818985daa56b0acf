/** The ends of machines' logs: a compressed file for each machine and deployment, the newest that came. */
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { limits } from "../../contract/limits.ts";
import type { KeptLog, MachineLog } from "../../contract/machine-logs.ts";
import { makeFolder, writeFileDurably } from "../store/files.ts";

const dayMs = 86_400_000;
const fileName = /^([0-9a-f-]{36})\.([0-9a-f-]{36})\.gz$/;

type Kept = Pick<KeptLog, "machineId" | "deploymentId" | "received">;

export class MachineLogs {
  readonly #folder: string;
  /** By machine, the deployment whose log somebody wants to see. */
  readonly #wanted = new Map<string, string>();
  #count: number | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  ask(machineId: string, deploymentId: string): void {
    this.#wanted.set(machineId, deploymentId);
  }

  /** For the next answer to the machine; each question is handed over once. */
  takeWanted(machineId: string): { logOf?: string } {
    const logOf = this.#wanted.get(machineId);
    this.#wanted.delete(machineId);
    return logOf === undefined ? {} : { logOf };
  }

  keep({ deploymentId, machineId }: Omit<Kept, "received">, text: Buffer): void {
    const path = this.#path(machineId, deploymentId);
    makeFolder(this.#folder);
    const isNew = !existsSync(path);
    writeFileDurably(path, gzipSync(text));
    this.#count = (this.#count ?? this.list().length - Number(isNew)) + Number(isNew);
    if (this.#count > limits.machineLogsMost) this.prune(Date.now());
  }

  /** The newest first. */
  list(): Kept[] {
    if (!existsSync(this.#folder)) return [];
    const kept = readdirSync(this.#folder).flatMap((name) => {
      const [, machineId, deploymentId] = fileName.exec(name) ?? [];
      const found = statSync(join(this.#folder, name), { throwIfNoEntry: false });
      if (machineId === undefined || deploymentId === undefined || found === undefined) return [];
      return [{ machineId, deploymentId, received: found.mtime.toISOString() }];
    });
    return kept.toSorted((one, other) => (one.received < other.received ? 1 : -1));
  }

  /** Of that deployment, else the newest of the machine; undefined where there is none. */
  read(machineId: string, deploymentId?: string): MachineLog | undefined {
    const found = this.list().find(
      (one) => one.machineId === machineId && (deploymentId ?? one.deploymentId) === one.deploymentId,
    );
    if (found === undefined) return undefined;
    const text = gunzipSync(readFileSync(this.#path(machineId, found.deploymentId)), {
      maxOutputLength: limits.logTailBytes,
    });
    return { deploymentId: found.deploymentId, received: found.received, text: text.toString("utf8") };
  }

  /** What is older than status messages are kept, and what is too much, goes. */
  prune(nowMs: number): void {
    const before = new Date(nowMs - limits.statusDays * dayMs).toISOString();
    const all = this.list();
    const left = all.filter((one, index) => {
      const stays = one.received >= before && index < limits.machineLogsMost;
      if (!stays) rmSync(this.#path(one.machineId, one.deploymentId), { force: true });
      return stays;
    });
    this.#count = left.length;
  }

  #path(machineId: string, deploymentId: string): string {
    return join(this.#folder, `${machineId}.${deploymentId}.gz`);
  }
}
