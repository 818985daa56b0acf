/**
 * Answers GRUB, which asks by TFTP for a file that is named for its computer. The server's log says what it was asked for and
 * does not have; the answer is put there, GRUB asks again, and what was sent is taken away: the next question is answered
 * anew.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toVolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../log.ts";
import { macOf, uuidOf } from "../devices/device-identity.ts";
import { grubBoot, grubConfiguration, grubFolder, grubRestart } from "./pxe-scripts.ts";
import type { TftpRequest } from "./pxe-tftp.ts";
import type { Pxe } from "./pxe.ts";

/** UUID, MAC, and whether the computer takes the answer now. */
const question = /^(([0-9a-f-]{36}|none)_([0-9a-f:]{17}|none))(_accepted)?\.cfg$/i;

export class GrubAnswers {
  readonly #folder: string;
  readonly #pxe: Pxe;
  readonly #log: Log;
  /** Files that are there, with what takes them away. */
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** So that it is logged once, not each second for each machine. */
  #isFull = false;

  /** `root` is TFTP's. */
  constructor({ log, pxe, root }: { root: string; pxe: Pxe; log: Log }) {
    this.#folder = join(root, grubFolder);
    this.#pxe = pxe;
    this.#log = log;
    mkdirSync(this.#folder, { recursive: true });
    for (const name of readdirSync(this.#folder)) rmSync(join(this.#folder, name));
  }

  /** What came of a request by TFTP. */
  asked({ address, file, outcome }: TftpRequest): void {
    if (!file.startsWith(`${grubFolder}/`)) return;
    const name = file.slice(grubFolder.length + 1);
    if (outcome === "sent") return this.#forget(name);
    this.#answer(name, address).catch((error: unknown) => {
      // It asks again in a second.
      this.#forget(name);
      this.#log.error(`GRUB is not answered: ${toVolleyError(error).detail}`);
    });
  }

  stop(): void {
    for (const name of this.#timers.keys()) this.#forget(name);
  }

  async #answer(name: string, address: string): Promise<void> {
    const parts = question.exec(name);
    if (parts === null || this.#timers.has(name)) return;
    if (this.#timers.size >= limits.pxeTransfers) {
      if (this.#isFull) return;
      this.#isFull = true;
      this.#log.warn(`GRUB at ${address} has to wait: ${this.#timers.size} are being answered`);
      return;
    }
    this.#isFull = false;
    const timer = setTimeout(() => this.#forget(name), limits.pxeGrubAnswerMs);
    this.#timers.set(name, timer);
    const [, computer = "", uuid = "", mac = "", accepted] = parts;
    const isAccepted = accepted !== undefined;
    const identity = { uuid: uuidOf(uuid), mac: macOf(mac) };
    const answer = await this.#pxe.answer(identity, address);
    const isToBoot = isAccepted && (answer.kind === "boot" || answer.kind === "prompt");
    const passwordHash = this.#pxe.passwordProof?.grub ?? null;
    const isWinpe = this.#pxe.properties.bootImage === "winpe";
    if (isToBoot && isWinpe) await this.#pxe.startWinpeNext(identity);
    const boot = isWinpe ? grubRestart() : grubBoot();
    const text = isToBoot ? boot : grubConfiguration(answer, { computer, passwordHash });
    if (!this.#timers.has(name)) return;
    // Whole or not at all: GRUB asks again every second.
    writeFileSync(join(this.#folder, `${name}.new`), text);
    renameSync(join(this.#folder, `${name}.new`), join(this.#folder, name));
  }

  #forget(name: string): void {
    const timer = this.#timers.get(name);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#timers.delete(name);
    rmSync(join(this.#folder, name), { force: true });
  }
}
