/** Task sequences: kept as the files they came as, each version. What is in them, the agent's check says. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import {
  SequenceCheck,
  SequenceQuery,
  SequenceRequest,
  type SequenceDetail,
  type SequenceRecord,
} from "../../contract/sequence.ts";
import { checkSequence } from "../content/sequence-check.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function sequenceRoutes({ files, log, store }: ApiContext): Route[] {
  const find = async ({ request }: Call): Promise<SequenceRecord> => {
    const id = identifierOf(request, "task sequence");
    const sequence = await store.sequences.find(id);
    if (!sequence) throw new VolleyError("E_NOT_FOUND", `There is no task sequence ${id}.`);
    return sequence;
  };
  return [
    {
      method: "GET",
      path: "/sequences",
      who: "viewer",
      handle: async ({ request }) => {
        const { versions } = parse(SequenceQuery, request.query);
        return (await store.sequences.list()).filter(({ latest }) => latest || versions === "all");
      },
    },
    {
      method: "GET",
      path: "/sequences/:id",
      who: "viewer",
      handle: async (call): Promise<SequenceDetail> => {
        const sequence = await find(call);
        const check = await store.sequences.check(sequence.id);
        const kept =
          check === undefined || check.json === null
            ? { check: null, unchecked: check?.unchecked ?? "" }
            : { check: SequenceCheck.parse(JSON.parse(check.json)), unchecked: "" };
        return { ...sequence, ...kept, deployments: await store.sequences.users(sequence.id) };
      },
    },
    {
      method: "POST",
      path: "/sequences",
      who: "administrator",
      handle: async ({ reply, request }): Promise<SequenceRecord> => {
        const { fileName, name, uploadId, ...wanted } = parse(SequenceRequest, request.body);
        const versions = await store.sequences.list();
        const before = versions.find((one) => one.name === name && one.latest);
        const packageId = wanted.packageId?.toUpperCase() ?? before?.packageId ?? null;
        const others = versions.filter((one) => one.name !== name);
        if (packageId !== null && others.some((one) => one.packageId === packageId)) {
          throw new VolleyError("E_CONFLICT", `There is a task sequence with the identifier ${packageId}.`);
        }
        const file = await files.take(null, uploadId, limits.sequenceBytesMost);
        const added = new Date().toISOString();
        let sequence: SequenceRecord;
        try {
          const check = await checkSequence(files.path(file.id));
          if (check.json === null) log.warn(`task sequence ${name} is not checked: ${check.unchecked}`);
          sequence = await store.sequences.add({ ...file, name, packageId, fileName, added }, check);
        } catch (error) {
          files.remove(file.id);
          throw error;
        }
        const { bytes, hash, version } = sequence;
        log.info(`task sequence ${name} was added as version ${version}: ${bytes} bytes, SHA-256 ${hash}`);
        reply.code(201);
        return sequence;
      },
    },
    {
      method: "DELETE",
      path: "/sequences/:id",
      who: "administrator",
      handle: async (call) => {
        const { id, name, version } = await find(call);
        const users = await store.sequences.users(id);
        if (users.length > 0) {
          const by = users.slice(0, 5).join(", ");
          throw new VolleyError(
            "E_CONFLICT",
            `Version ${version} of task sequence ${name} is used by ${by}.`,
          );
        }
        await store.sequences.remove(id);
        files.remove(id);
      },
    },
  ];
}
