/** A manifest is believed when the site signed it and when it is of the image that the policy names. */
import { createPublicKey, verify } from "node:crypto";
import type { ImageFacts } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { readManifest } from "../../native/index.ts";

const signatureBytes = 64;

/**
 * `manifestKey`: SPKI in PEM. Throws E_MANIFEST_SIGNATURE for a manifest that this key did not sign, E_MANIFEST_INVALID
 * for one that does not agree with itself or with `image`.
 */
export function checkManifest(manifest: Buffer, manifestKey: string, image: ImageFacts): void {
  const named = `The manifest of image "${image.name}"`;
  const body = manifest.subarray(0, Math.max(0, manifest.length - signatureBytes));
  const signature = manifest.subarray(body.length);
  if (signature.length !== signatureBytes || !verify(null, body, createPublicKey(manifestKey), signature)) {
    throw new VolleyError(
      "E_MANIFEST_SIGNATURE",
      `${named} does not bear this site's signature; nothing was written`,
    );
  }
  const facts = readManifest(manifest);
  const differing = [
    facts.root === image.root ? null : "root",
    facts.imageBytes === image.bytes ? null : "size",
    facts.contentBytes === image.contentBytes ? null : "content size",
    facts.smallestDiskBytes === image.smallestDiskBytes ? null : "smallest disk",
    facts.sectorBytes === image.sectorBytes ? null : "sector size",
    facts.firmware === firmwareBits(image) ? null : "firmware",
  ].filter((difference) => difference !== null);
  if (differing.length > 0) {
    const what = `${named} is not of the image that the policy names: ${differing.join(", ")} differ`;
    throw new VolleyError("E_MANIFEST_INVALID", `${what}; nothing was written`);
  }
}

function firmwareBits({ firmware }: ImageFacts): number {
  return (firmware.includes("bios") ? 1 : 0) + (firmware.includes("uefi") ? 2 : 0);
}
