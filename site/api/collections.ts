/** Collections: made, changed and removed, who is in them, and their variables. */
import {
  CollectionChange,
  CollectionRequest,
  type CollectionRecord,
  type CollectionRule,
  type DeploymentPreview,
  type DeviceRecord,
} from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { DeviceVariablesChange } from "../../contract/sequence.ts";
import { isMember, type StoredCollection } from "../store/collections.ts";
import { previewOfChange, requireChangeConfirmation } from "./collection-guard.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";
import { changedVariables, sealVariables, shownVariables } from "./secret-variables.ts";

export function collectionRoutes(context: ApiContext): Route[] {
  const { room, store, vault } = context;
  const who = "operator";
  const find = async ({ request }: Call): Promise<StoredCollection> => {
    const id = identifierOf(request, "collection");
    const collection = await store.collections.find(id);
    if (!collection) throw new VolleyError("E_NOT_FOUND", `There is no collection ${id}.`);
    return collection;
  };
  const record = async (id: string): Promise<CollectionRecord> => {
    const collection = await store.collections.find(id);
    if (!collection) throw new VolleyError("E_NOT_FOUND", `There is no collection ${id}.`);
    return recordOf(collection, await store.devices.list());
  };
  const checkDevices = async (ids: readonly string[]): Promise<void> => {
    const known = new Set((await store.devices.list()).map(({ id }) => id));
    const stranger = ids.find((id) => !known.has(id));
    if (stranger !== undefined) throw new VolleyError("E_NOT_FOUND", `There is no device ${stranger}.`);
  };
  const changeOf = async (call: Call) => {
    const before = await find(call);
    const { confirm, ...change } = parse(CollectionChange, call.request.body);
    checkRule(change.rule ?? null);
    await checkDevices(change.add ?? []);
    return { before, change, confirm };
  };
  return [
    {
      method: "GET",
      path: "/collections",
      who: "viewer",
      handle: async () => {
        const devices = await store.devices.list();
        return (await store.collections.list()).map((one) => recordOf(one, devices));
      },
    },
    {
      method: "GET",
      path: "/collections/:id",
      who: "viewer",
      handle: async (call) => record((await find(call)).id),
    },
    {
      method: "POST",
      path: "/collections",
      who,
      handle: async ({ reply, request }) => {
        const wanted = parse(CollectionRequest, request.body);
        await checkDevices(wanted.devices);
        checkRule(wanted.rule);
        const id = await store.collections.create(wanted);
        room.changed("devices");
        reply.code(201);
        return await record(id);
      },
    },
    {
      method: "POST",
      path: "/collections/:id",
      who,
      handle: async (call) => {
        const wanted = await changeOf(call);
        await requireChangeConfirmation(wanted, context);
        await store.collections.change(wanted.before.id, wanted.change);
        room.changed("devices");
        return await record(wanted.before.id);
      },
    },
    {
      method: "POST",
      path: "/collections/:id/preview",
      who,
      audited: false,
      handle: async (call): Promise<DeploymentPreview> => previewOfChange(await changeOf(call), context),
    },
    {
      method: "DELETE",
      path: "/collections/:id",
      who,
      handle: async (call) => {
        await store.collections.remove((await find(call)).id);
        room.changed("devices");
      },
    },
    {
      method: "GET",
      path: "/collections/:id/variables",
      who: "viewer",
      handle: async (call) => shownVariables(await store.collections.variables((await find(call)).id)),
    },
    {
      method: "POST",
      path: "/collections/:id/variables",
      who,
      handle: async (call) => {
        const { id } = await find(call);
        const change = parse(DeviceVariablesChange, call.request.body);
        const variables = changedVariables(await store.collections.variables(id), change);
        await store.collections.setVariables(id, sealVariables(vault, variables));
        return shownVariables(variables);
      },
    },
  ];
}

function recordOf(collection: StoredCollection, devices: readonly DeviceRecord[]): CollectionRecord {
  const members = devices.filter((device) => isMember(collection, device));
  return {
    ...collection,
    members: members.map(({ facts, id, name }) => ({ id, name: facts?.name ?? name })),
  };
}

/** Throws E_REQUEST_INVALID: a number is compared with a number. */
function checkRule(rule: CollectionRule | null): void {
  const wrong = rule?.conditions.find(
    ({ operator, value }) =>
      (operator === "atLeast" || operator === "atMost") && !/^\d+(\.\d+)?$/.test(value),
  );
  if (wrong !== undefined) {
    throw new VolleyError("E_REQUEST_INVALID", `rule: ${wrong.operator} wants a number, not ${wrong.value}.`);
  }
}
