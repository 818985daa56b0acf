/** Where the process that serves the site is, as the database says it to commands and to the others. */

/** By which address a command reaches the process that serves. */
export interface HolderLocation {
  address: string;
  port: number;
  /** Where it takes what other processes pass on to it; absent where it does not. */
  peer?: PeerLocation;
}

export interface PeerLocation {
  address: string;
  port: number;
  /** SHA-256 of the certificate that it shows there. */
  fingerprint: string;
}
