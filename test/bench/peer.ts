/** A process of a benchmark on a host of the room, and its messages. */
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Host, Room } from "./room.ts";

/** Promise.withResolvers, which Node 20 does not have. */
function promiseParts<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((whenDone, whenFailed) => {
    resolve = whenDone;
    reject = whenFailed;
  });
  return { promise, resolve, reject };
}

/** Rejects when `work` is not done in time. */
export async function within<Value>(limitMs: number, what: string, work: Promise<Value>): Promise<Value> {
  const { promise, reject } = promiseParts<never>();
  const timer = setTimeout(
    () => reject(new Error(`${what} was not done after ${limitMs / 1000} s`)),
    limitMs,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

export class Peer<To extends object, From extends { kind: string }> {
  readonly #child: ChildProcess;
  readonly #name: string;

  /** `script`: beside this file, compiled. */
  constructor(room: Room, host: Host, script: string) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#name = `${script} on ${host.address}`;
    this.#child = room.start(host, process.execPath, [path], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
  }

  send(message: To): void {
    this.#child.send(message);
  }

  /** Ends it as a power cut does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** The next message of one kind; others go to `onOther`. Rejects when the process fails or ends before it. */
  async next<Kind extends From["kind"]>(
    kind: Kind,
    onOther: (message: From) => void = () => undefined,
  ): Promise<Extract<From, { kind: Kind }>> {
    const child = this.#child;
    const { promise, resolve, reject } = promiseParts<Extract<From, { kind: Kind }>>();
    const onMessage = (message: From): void => {
      if (message.kind === kind) {
        resolve(message as Extract<From, { kind: Kind }>);
      } else if (message.kind === "failed" && "message" in message) {
        reject(new Error(`${this.#name}: ${String(message.message)}`));
      } else {
        onOther(message);
      }
    };
    const onExit = (): void => reject(new Error(`${this.#name} ended before it said '${kind}'`));
    child.on("message", onMessage).once("exit", onExit);
    try {
      return await promise;
    } finally {
      child.off("message", onMessage).off("exit", onExit);
    }
  }
}
