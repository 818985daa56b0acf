/** Signs volley-agent.exe with a certificate of the user's, by osslsigncode. */
import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";

export interface SigningOptions {
  /** PKCS #12 (.p12, .pfx), or a certificate in PEM with its chain. */
  certificate: string;
  /** Of a certificate in PEM. */
  key: string | undefined;
  /** osslsigncode reads it itself: a password on a command line is for everybody who lists processes. */
  passwordFile: string | undefined;
  timestampUrl: string | undefined;
}

/** Throws with what osslsigncode says. */
export function signProgram(path: string, options: SigningOptions): void {
  const { certificate, key, passwordFile, timestampUrl } = options;
  const isPkcs12 = /\.(p12|pfx)$/i.test(certificate);
  if (!isPkcs12 && key === undefined) throw new Error("A certificate in PEM takes --sign-key, too");
  const signed = `${path}.signed`;
  const identity = isPkcs12 ? ["-pkcs12", certificate] : ["-certs", certificate, "-key", key ?? ""];
  const words = ["sign", ...identity, "-h", "sha256", "-n", "Volley agent"];
  if (passwordFile !== undefined) words.push("-readpass", passwordFile);
  if (timestampUrl !== undefined) words.push("-ts", timestampUrl);
  words.push("-in", path, "-out", signed);
  execFileSync("osslsigncode", words, { stdio: ["ignore", "ignore", "inherit"] });
  renameSync(signed, path);
}
