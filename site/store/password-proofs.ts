/** What the store keeps of passwords: enough to check one by. */

/** By what a person's password is checked: see authority/passwords. Bytes in hex. */
export interface PasswordProof {
  algorithm: "scrypt";
  cost: number;
  blockSize: number;
  parallelization: number;
  salt: string;
  hash: string;
}

/** See boot/pxe-password. */
export interface PxePasswordProof {
  /** For HTTP's digest authentication, hex. */
  digest: string;
  /** For GRUB's password_pbkdf2. */
  grub: string;
}
