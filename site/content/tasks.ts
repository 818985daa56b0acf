/** Imports and verifications that go on, and the last ones that ended: what a client polls. */
import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { ImageRecord, ImportState, VerificationState } from "../../contract/administration.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Task } from "../../native/index.ts";
import type { Log } from "../log.ts";
import { importImage, type Importer, type ImportWish } from "./import.ts";
import { nameOf } from "./source.ts";
import { stampContent } from "./stamp.ts";
import { corruptContent, type VerifyDoor } from "./verify.ts";

export interface ContentTasksOptions {
  importer: Importer;
  native: VerifyDoor;
  log: Log;
  changed: () => void;
}

/** Bad chunks that are answered at most. */
const chunksAnswered = 10_000;

export class ContentTasks {
  readonly #options: ContentTasksOptions;
  readonly #imports = new Map<string, ImportState>();
  readonly #verifications = new Map<string, VerificationState>();
  /** What polls the addon for the progress of a state. */
  readonly #progress = new Map<string, () => void>();
  readonly #names = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: ContentTasksOptions) {
    this.#options = options;
  }

  /** Throws E_CONFLICT when too much is going on, or an import of that name is. */
  startImport(request: ImportWish): ImportState {
    this.#admit();
    const name = request.name ?? nameOf(request.path);
    if (this.#names.has(name)) {
      throw new VolleyError("E_CONFLICT", `An image of the name ${name} is being imported.`);
    }
    const state: ImportState = {
      id: randomUUID(),
      name,
      began: new Date().toISOString(),
      state: "running",
      bytesDone: 0,
      bytesTotal: 0,
      image: null,
      editions: [],
      error: null,
    };
    remember(this.#imports, state);
    this.#names.add(name);
    void this.#run(state, () => this.#import(state, request)).finally(() => this.#names.delete(name));
    return { ...state };
  }

  isImporting(name: string): boolean {
    return this.#names.has(name);
  }

  /** Undefined when there is none, or it ended long ago. */
  importState(id: string): ImportState | undefined {
    this.#progress.get(id)?.();
    const state = this.#imports.get(id);
    return state && { ...state };
  }

  /** Those that go on and the last that ended, the latest first. */
  importStates(): ImportState[] {
    return this.#listed(this.#imports);
  }
  verificationStates(): VerificationState[] {
    return this.#listed(this.#verifications);
  }

  startVerification(image: ImageRecord): VerificationState {
    this.#admit();
    const state: VerificationState = {
      id: randomUUID(),
      began: new Date().toISOString(),
      imageId: image.id,
      state: "running",
      bytesDone: 0,
      bytesTotal: image.contentBytes,
      signed: null,
      badChunks: [],
      error: null,
    };
    remember(this.#verifications, state);
    void this.#run(state, () => this.#verify(state, image));
    return { ...state };
  }

  verificationState(id: string): VerificationState | undefined {
    this.#progress.get(id)?.();
    const state = this.#verifications.get(id);
    return state && { ...state };
  }

  /** Cancels what is going on and waits for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  #listed<State extends { id: string }>(states: ReadonlyMap<string, State>): State[] {
    for (const id of states.keys()) this.#progress.get(id)?.();
    return [...states.values()].map((state) => ({ ...state })).toReversed();
  }

  #admit(): void {
    if (this.#running.size >= limits.contentTasksAtOnce) {
      throw new VolleyError(
        "E_CONFLICT",
        `${this.#running.size} imports or verifications are going on, which is the most.`,
      );
    }
    if (this.#stop.signal.aborted) throw new VolleyError("E_CANCELLED", "The site is stopping.");
  }

  #run(state: ImportState | VerificationState, work: () => Promise<void>): Promise<void> {
    const running = (async () => {
      try {
        await work();
        state.state = "done";
      } catch (error) {
        const failure = toVolleyError(error);
        state.state = "failed";
        state.error = { code: failure.code, detail: failure.detail, remedy: failure.entry.remedy };
        const text = `${failure.code}: ${failure.detail}`;
        this.#options.log.warn(text);
        // Its end is not to wait for that, nor to fail with it.
        if (failure.code !== "E_CANCELLED") {
          void this.#options.importer.store.siteMessages.add("contentFailed", text).catch(() => undefined);
        }
      } finally {
        this.#progress.delete(state.id);
        this.#options.changed();
      }
    })();
    this.#running.add(running);
    return running.finally(() => this.#running.delete(running));
  }

  #follow(state: ImportState | VerificationState, task: Pick<Task<unknown>, "progress">): void {
    const read = (): void => {
      const { bytesDone, bytesTotal } = task.progress();
      state.bytesDone = bytesDone;
      state.bytesTotal = bytesTotal;
    };
    read();
    this.#progress.set(state.id, read);
  }

  async #import(state: ImportState, request: ImportWish): Promise<void> {
    const { importer, log } = this.#options;
    const image = await importImage(importer, {
      ...request,
      signal: this.#stop.signal,
      reading: (task) => this.#follow(state, task),
      holding: (editions) => (state.editions = editions),
    });
    state.bytesDone = image.bytes;
    state.bytesTotal = image.bytes;
    state.image = image;
    log.info(`image ${image.name} imported: ${image.bytes} bytes, stored in ${image.contentBytes}`);
  }

  async #verify(state: VerificationState, image: ImageRecord): Promise<void> {
    const { importer, native } = this.#options;
    const { library } = importer;
    const manifest = await library.manifest(image.id).catch((error: unknown) => {
      if (toVolleyError(error).code === "E_MANIFEST_SIGNATURE") state.signed = false;
      throw error;
    });
    state.signed = true;
    const { root } = importer.native.readManifest(manifest);
    if (root !== image.root) {
      throw new VolleyError("E_CONTENT_CORRUPT", `The manifest of image ${image.name} is another image's.`);
    }
    const contentPath = library.contentPath(image.id);
    const task = native.verifyContent({ manifest, contentPath, threads: availableParallelism() });
    const cancel = (): void => task.cancel();
    this.#stop.signal.addEventListener("abort", cancel, { once: true });
    try {
      this.#follow(state, task);
      const { badChunks } = await task.result;
      state.badChunks = badChunks.slice(0, chunksAnswered);
      if (badChunks.length > 0) {
        throw corruptContent(image.name, badChunks);
      }
      stampContent(contentPath);
      state.bytesDone = state.bytesTotal;
    } finally {
      this.#stop.signal.removeEventListener("abort", cancel);
    }
  }
}

function remember<State extends { id: string; state: string }>(
  states: Map<string, State>,
  state: State,
): void {
  states.set(state.id, state);
  for (const [id, old] of states) {
    if (states.size <= limits.contentTasksRemembered) break;
    if (old.state !== "running") states.delete(id);
  }
}
