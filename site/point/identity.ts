/** Who a distribution point is to its site: enrolled once with a credential, kept in its data folder. */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { z } from "zod";
import { apiPrefix, HexKey, Identifier, Name } from "../../contract/common.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { PointEnrolAnswer } from "../../contract/point.ts";
import { newPointKeys } from "../authority/certificates.ts";
import { SiteClient } from "../client.ts";
import { writeFileDurably } from "../store/files.ts";

export interface SitePlace {
  host: string;
  port: number;
}

/** All of it secret but for the certificates. */
const Kept = z.object({
  host: z.string(),
  port: z.int(),
  authority: z.string(),
  pointId: Identifier,
  name: Name,
  address: z.ipv4(),
  key: HexKey,
  certificate: z.string(),
  certificateKey: z.string(),
  manifestKey: z.string(),
});
export type PointIdentity = z.infer<typeof Kept>;

/** Undefined before the enrolment. Throws E_STORE. */
export function readIdentity(path: string): PointIdentity | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return Kept.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    throw new VolleyError("E_STORE", `${path} cannot be read: what the point is to its site is kept there.`);
  }
}

export function writeIdentity(path: string, identity: PointIdentity): void {
  writeFileDurably(path, JSON.stringify(identity), 0o600);
}

/** `fingerprint`: of the site's authority, 64 hex digits. Throws E_SITE_UNTRUSTED, E_CREDENTIAL_REFUSED, E_SITE_UNREACHABLE. */
export async function enrolPoint(
  place: SitePlace,
  fingerprint: string,
  credential: string,
): Promise<PointIdentity> {
  const authority = await fetchAuthority(place, fingerprint);
  const { key: certificateKey, publicKey } = await newPointKeys();
  const client = new SiteClient({ address: place.host, port: place.port, authority, adminToken: "" });
  try {
    const answer = PointEnrolAnswer.parse(await client.post("/point/enrol", { credential, publicKey }));
    return Kept.parse({ ...place, ...answer, authority, certificateKey });
  } finally {
    client.close();
  }
}

/** Believed only with this fingerprint; nothing secret is said before. */
async function fetchAuthority({ host, port }: SitePlace, fingerprint: string): Promise<string> {
  const pem = await new Promise<string>((resolve, reject) => {
    const path = `${apiPrefix}/authority`;
    const asked = request({ host, port, path, rejectUnauthorized: false, timeout: limits.requestTimeoutMs });
    const fail = (error: Error): void =>
      reject(new VolleyError("E_SITE_UNREACHABLE", `https://${host}:${port}: ${error.message}`));
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", fail);
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
        if (text.length > limits.requestBodyBytes) asked.destroy(new Error("the answer is too long"));
      });
      response.on("error", fail);
      response.on("end", () => resolve(text));
    });
    asked.end();
  });
  let found = "";
  try {
    found = new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
  } catch {
    // No certificate has no fingerprint.
  }
  if (found === fingerprint) return pem;
  throw new VolleyError(
    "E_SITE_UNTRUSTED",
    `The authority of https://${host}:${port} has another fingerprint.`,
  );
}
