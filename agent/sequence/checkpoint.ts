/**
 * Where a run stands, written before and after every step: position, outcomes, variables. It is kept in one or two
 * places, whole or absent in each; what is hidden is encrypted under a key that is kept elsewhere (the site's, or for a
 * run without a site a file of its own). It is bound to the very sequence it was made with.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { stateFiles, type StateFolder } from "../state-folder.ts";
import type { Variable } from "./environment.ts";
import { startState, type RunState } from "./run-state.ts";

/** A place for one checkpoint. `save` is durable and atomic when it resolves. */
export interface CheckpointStore {
  /** Null when there is none. Rejects with E_CHECKPOINT when there is one that cannot be read. */
  load(): Promise<unknown>;
  save(checkpoint: unknown): Promise<void>;
  remove(): Promise<void>;
}

/** Who holds the key: 32 bytes, the same for the whole run. */
export interface SecretKey {
  key(): Promise<Buffer>;
}

interface Checkpoint {
  format: 1;
  /** Grows with every write: of two places the one that is further counts. */
  serial: number;
  /** Names the run: marks its processes, and is bound into what is encrypted. */
  runId: string;
  sequenceHash: string;
  state: RunState;
  variables: { name: string; value: string }[];
  /** Hidden variables: base64 of nonce, tag and AES-256-GCM of their JSON; empty when there are none. */
  secrets: string;
}

const nonceBytes = 12;
const tagBytes = 16;

/** The usual place: temporary file, flush, rename, flush of the folder, as all state of the agent is written. */
export function folderStore(state: StateFolder): CheckpointStore {
  return {
    async load() {
      const found = state.read(stateFiles.checkpoint, { parse: (value: unknown) => value });
      if (found === null && existsSync(join(state.path, stateFiles.checkpoint))) {
        throw new VolleyError("E_CHECKPOINT", `${join(state.path, stateFiles.checkpoint)} is damaged`);
      }
      return found;
    },
    async save(checkpoint) {
      state.write(stateFiles.checkpoint, checkpoint);
    },
    async remove() {
      state.remove(stateFiles.checkpoint);
    },
  };
}

export interface RunRecordOptions {
  /** The first one has to take what is written; the others are told of by `onWarning` when they do not. */
  stores: readonly [CheckpointStore, ...CheckpointStore[]];
  secretKey: SecretKey;
  sequenceHash: string;
  onWarning(text: string): void;
}

/** One run's checkpoint: what was found when it was opened, and where it is written. */
export interface RunRecord {
  readonly runId: string;
  readonly state: RunState;
  /** Null for a run that begins. */
  readonly variables: readonly Variable[] | null;
  /** Rejects with E_OUTBOX when the first place cannot be written. */
  save(state: RunState, variables: readonly Variable[]): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Takes up the run that is further, or begins one. Rejects with E_SEQUENCE_CHANGED when the sequence is not the one
 * that was begun, with E_CHECKPOINT when nothing of what is there can be read.
 */
export async function openRunRecord(options: RunRecordOptions): Promise<RunRecord> {
  const found = await loadLast(options);
  if (found !== null && found.sequenceHash !== options.sequenceHash) {
    throw new VolleyError(
      "E_SEQUENCE_CHANGED",
      "The sequence is not the one that the checkpoint was made with",
    );
  }
  const runId = found?.runId ?? randomUUID();
  const { secretKey, sequenceHash, stores } = options;
  let serial = found?.serial ?? 0;
  return {
    runId,
    state: found?.state ?? startState(),
    variables: found === null ? null : await openVariables(found, secretKey),
    async save(state, variables) {
      serial += 1;
      const open = variables.filter((variable) => !variable.hidden);
      const hidden = variables.filter((variable) => variable.hidden);
      const bound = boundText({ runId, sequenceHash, serial });
      const checkpoint: Checkpoint = {
        format: 1,
        serial,
        runId,
        sequenceHash,
        state,
        variables: open.map(({ name, value }) => ({ name, value })),
        secrets: hidden.length === 0 ? "" : seal(hidden, await secretKey.key(), bound),
      };
      await stores[0].save(checkpoint);
      for (const store of stores.slice(1)) {
        await store.save(checkpoint).catch((error: unknown) => {
          options.onWarning(`A second place does not take the checkpoint: ${(error as Error).message}`);
        });
      }
    },
    async remove() {
      for (const store of stores) await store.remove();
    },
  };
}

/**
 * Before a run is opened: null when none is there to be taken up. `begun`: in the middle of a step. Rejects as
 * openRunRecord.
 */
export async function peekAtRun(
  options: Pick<RunRecordOptions, "onWarning" | "stores">,
): Promise<{ begun: boolean } | null> {
  const found = await loadLast(options);
  return found === null ? null : { begun: found.state.begun };
}

async function loadLast({
  onWarning,
  stores,
}: Pick<RunRecordOptions, "onWarning" | "stores">): Promise<Checkpoint | null> {
  let last: Checkpoint | null = null;
  let failure: VolleyError | null = null;
  for (const store of stores) {
    try {
      const found = await store.load();
      if (found === null) continue;
      if (!isCheckpoint(found)) {
        throw new VolleyError("E_CHECKPOINT", "A checkpoint is not of the known form");
      }
      if (last === null || found.serial > last.serial) last = found;
    } catch (error) {
      failure = toVolleyError(error);
      onWarning(`A checkpoint cannot be read: ${failure.detail}`);
    }
  }
  // To begin anew where a run stands that nobody can read would do its steps twice.
  if (last === null && failure !== null) throw failure;
  return last;
}

async function openVariables(checkpoint: Checkpoint, secretKey: SecretKey): Promise<Variable[]> {
  const open = checkpoint.variables.map(({ name, value }) => ({ name, value, hidden: false }));
  if (checkpoint.secrets === "") return open;
  const hidden = unseal(checkpoint.secrets, await secretKey.key(), boundText(checkpoint));
  return [...open, ...hidden.map(({ name, value }) => ({ name, value, hidden: true }))];
}

/** What is authenticated with the secrets, so that they open in their own checkpoint alone. */
function boundText({
  runId,
  sequenceHash,
  serial,
}: Pick<Checkpoint, "runId" | "sequenceHash" | "serial">): Buffer {
  return Buffer.from(`volley checkpoint 1 ${runId} ${sequenceHash} ${serial}`);
}

function seal(variables: readonly Variable[], key: Buffer, bound: Buffer): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(bound);
  const text = JSON.stringify(variables.map(({ name, value }) => ({ name, value })));
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

function unseal(secrets: string, key: Buffer, bound: Buffer): { name: string; value: string }[] {
  const bytes = Buffer.from(secrets, "base64");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
    decipher.setAAD(bound);
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
    return JSON.parse(text.toString("utf8")) as { name: string; value: string }[];
  } catch (error) {
    throw new VolleyError("E_CHECKPOINT", "The secrets of the checkpoint do not open with this key", {
      cause: error,
    });
  }
}

/** By hand: an agent that resumes is to be quick, and this is all it has to check. */
function isCheckpoint(value: unknown): value is Checkpoint {
  const found = value as Partial<Checkpoint>;
  const { state, variables } = found;
  return (
    found.format === 1 &&
    Number.isSafeInteger(found.serial) &&
    typeof found.runId === "string" &&
    typeof found.sequenceHash === "string" &&
    typeof found.secrets === "string" &&
    Array.isArray(variables) &&
    variables.every(({ name, value: text }) => typeof name === "string" && typeof text === "string") &&
    typeof state === "object" &&
    Number.isSafeInteger(state.pointer) &&
    Number.isSafeInteger(state.starts) &&
    typeof state.begun === "boolean" &&
    Array.isArray(state.groups) &&
    Array.isArray(state.outcomes)
  );
}
