/** Passwords that people choose: kept under scrypt (RFC 7914), with the parameters beside each hash. */
import { randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PasswordProof } from "../store/password-proofs.ts";
import { Turns } from "../turns.ts";

/** 32 MiB and three turns: one of the settings that OWASP's Password Storage Cheat Sheet names as equal. */
const present = { cost: 2 ** 15, blockSize: 8, parallelization: 3 } as const;
const hashBytes = 32;
/** No letter that reads as another. */
const letters = "abcdefghjkmnpqrstuvwxyz23456789";
const groups = 4;
const groupLetters = 5;

function derive(password: string, proof: Omit<PasswordProof, "hash">): Promise<Buffer> {
  const { blockSize, cost, parallelization, salt } = proof;
  const maxmem = 256 * cost * blockSize;
  return new Promise((resolve, reject) => {
    const options = { cost, blockSize, parallelization, maxmem };
    scrypt(password.normalize("NFKC"), Buffer.from(salt, "hex"), hashBytes, options, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}

/** Some 99 bits, easy to type. */
export function newPassword(): string {
  const group = (): string =>
    Array.from({ length: groupLetters }, () => letters[randomInt(letters.length)] ?? "").join("");
  return Array.from({ length: groups }, group).join("-");
}

/** One password at a time, and only so many that wait: what a guess costs is spent by the site. */
export class Passwords {
  readonly #turns = new Turns();
  #waiting = 0;

  /** Throws E_TOO_MANY_ATTEMPTS. */
  hash(password: string): Promise<PasswordProof> {
    const parameters = { algorithm: "scrypt", ...present, salt: randomBytes(16).toString("hex") } as const;
    return this.#take(async () => ({
      ...parameters,
      hash: (await derive(password, parameters)).toString("hex"),
    }));
  }

  /** An account that is not there (null) costs the same. Throws E_TOO_MANY_ATTEMPTS. */
  matches(password: string, proof: PasswordProof | null): Promise<boolean> {
    const nobody: PasswordProof = {
      algorithm: "scrypt",
      ...present,
      salt: "00",
      hash: "00".repeat(hashBytes),
    };
    const { hash, ...parameters } = proof ?? nobody;
    return this.#take(async () => {
      const same = timingSafeEqual(await derive(password, parameters), Buffer.from(hash, "hex"));
      return same && proof !== null;
    });
  }

  /** Whether it was made with weaker parameters than are used now. */
  isOutdated({ blockSize, cost, parallelization }: PasswordProof): boolean {
    return cost * blockSize * parallelization < present.cost * present.blockSize * present.parallelization;
  }

  async #take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= limits.passwordChecksWaiting) {
      throw new VolleyError("E_TOO_MANY_ATTEMPTS", "Too many passwords wait to be looked at.");
    }
    this.#waiting += 1;
    try {
      return await this.#turns.take(work);
    } finally {
      this.#waiting -= 1;
    }
  }
}
