/** Who may cast to this machine: the distribution points of where it is, as its policy names them, and the site. */
import type { CastingPlace } from "../imaging/join.ts";
import { PointClient } from "../site/point-client.ts";
import type { CastDeployment, CastPerformer, Deployment } from "./performer.ts";

export interface CastingPlaces {
  points: CastingPlace[];
  site: CastingPlace;
  /** No place is spoken to after that. */
  close(): void;
}

export async function castingPlaces(deployment: CastDeployment, by: CastPerformer): Promise<CastingPlaces> {
  const { id, image, multicast } = deployment;
  const wanted = image.multicast !== "no";
  const clients = await pointClients(deployment, by);
  return {
    points: clients.map(({ client, point }) => ({
      name: `distribution point ${point.name}`,
      host: point.address,
      multicast: wanted && point.multicast,
      join: (request) => {
        by.askedAt?.({ host: point.address, port: point.port });
        return client.join(id, request);
      },
      sendProgress: (progress) => client.progress(id, progress),
    })),
    site: {
      name: "the site",
      host: by.siteAddress.host,
      multicast: wanted && multicast,
      join: (request) => {
        by.askedAt?.(by.siteAddress);
        return by.site.join(id, request);
      },
      sendProgress: (progress) => by.site.progress(id, progress),
    },
    close: () => clients.forEach(({ client }) => client.close()),
  };
}

/** From the first point that has it; null where none does. Not yet checked. */
export async function manifestFromPoints(
  deployment: Pick<Deployment, "points">,
  imageId: string,
  by: CastPerformer,
): Promise<Buffer | null> {
  const clients = await pointClients(deployment, by);
  try {
    for (const { client } of clients) {
      const manifest = await client.manifest(imageId).catch(() => null);
      if (manifest !== null) return manifest;
    }
    return null;
  } finally {
    for (const { client } of clients) client.close();
  }
}

/** They show certificates of the site's own authority, so that the machine has to trust nobody else. */
async function pointClients({ points = [] }: Pick<Deployment, "points">, by: CastPerformer) {
  if (points.length === 0) return [];
  const { authority } = await by.site.enrol();
  return points.map((point) => ({
    point,
    client: new PointClient(point, authority, (secret) => by.site.remember(secret)),
  }));
}
