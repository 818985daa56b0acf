/** What is copied to distribution points in other buildings, named by operators. */
import type { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { ContentPoints, type PointRecord } from "../../contract/point.ts";
import type { ApiContext } from "./context.ts";
import { packageOf } from "./packages.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function pointContentRoutes(context: ApiContext): Route[] {
  return [
    {
      method: "POST",
      path: "/images/:id/points",
      who: "operator",
      handle: async (call) => {
        const change = parse(ContentPoints, call.request.body);
        return await assign(context, { kind: "image", id: await imageIdOf(call, context) }, change);
      },
    },
    {
      method: "POST",
      path: "/packages/:packageId/points",
      who: "operator",
      handle: async (call) => {
        const change = parse(ContentPoints, call.request.body);
        const { multicast, packageId } = await packageOf(call, context.store);
        if (multicast === "no" && change.add.length > 0) throw nothingToCopy(packageId);
        return await assign(context, { kind: "package", id: packageId }, change);
      },
    },
  ];
}

/** Throws E_NOT_FOUND. Answers all points. */
async function assign(
  { remotePoints, room, store }: ApiContext,
  { id, kind }: { id: string; kind: "image" | "package" },
  { add, remove }: z.infer<typeof ContentPoints>,
): Promise<PointRecord[]> {
  const points = await store.points.list();
  const stranger = [...add, ...remove].find((wanted) => !points.some((point) => point.id === wanted));
  if (stranger !== undefined) {
    throw new VolleyError("E_NOT_FOUND", `There is no distribution point ${stranger}.`);
  }
  await store.points.contents.assign(kind, id, { add, remove });
  room.changed("points");
  return (await store.points.list()).map((point) => remotePoints.record(point));
}

/** Throws E_NOT_FOUND. */
async function imageIdOf({ request }: Call, { store }: ApiContext): Promise<string> {
  const id = identifierOf(request, "image");
  const image = await store.images.find(id);
  if (image?.purpose !== "image") throw new VolleyError("E_NOT_FOUND", `There is no image ${id}.`);
  return id;
}

function nothingToCopy(packageId: string): VolleyError {
  const remedy = `volley package multicast ${packageId} allowed has it cast`;
  return new VolleyError("E_CONFLICT", `Package ${packageId} goes by HTTPS, from the site alone: ${remedy}.`);
}
