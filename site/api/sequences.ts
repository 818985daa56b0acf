/** Task sequences: kept as the files they came as. What is in them, the agent's check says. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { SequenceRequest, type SequenceRecord } from "../../contract/sequence.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse, type Call, type Route } from "./routes.ts";

export function sequenceRoutes({ files, log, store }: ApiContext): Route[] {
  const find = async ({ request }: Call): Promise<SequenceRecord> => {
    const id = identifierOf(request, "task sequence");
    const sequence = await store.sequences.find(id);
    if (!sequence) throw new VolleyError("E_NOT_FOUND", `There is no task sequence ${id}.`);
    return sequence;
  };
  return [
    { method: "GET", path: "/sequences", who: "viewer", handle: () => store.sequences.list() },
    { method: "GET", path: "/sequences/:id", who: "viewer", handle: find },
    {
      method: "POST",
      path: "/sequences",
      who: "administrator",
      handle: async ({ reply, request }): Promise<SequenceRecord> => {
        const { fileName, name, uploadId, ...wanted } = parse(SequenceRequest, request.body);
        const packageId = wanted.packageId?.toUpperCase() ?? null;
        const others = await store.sequences.list();
        if (others.some((one) => one.name === name)) {
          throw new VolleyError("E_CONFLICT", `There is a task sequence of the name ${name}.`);
        }
        if (packageId !== null && others.some((one) => one.packageId === packageId)) {
          throw new VolleyError("E_CONFLICT", `There is a task sequence with the identifier ${packageId}.`);
        }
        const file = await files.take(null, uploadId, limits.sequenceBytesMost);
        const added = new Date().toISOString();
        const sequence: SequenceRecord = { ...file, name, packageId, fileName, added };
        try {
          await store.sequences.add(sequence);
        } catch (error) {
          files.remove(file.id);
          throw error;
        }
        log.info(`task sequence ${name} was added: ${file.bytes} bytes, SHA-256 ${file.hash}`);
        reply.code(201);
        return sequence;
      },
    },
    {
      method: "DELETE",
      path: "/sequences/:id",
      who: "administrator",
      handle: async (call) => {
        const { id, name } = await find(call);
        const users = await store.sequences.users(id);
        if (users.length > 0) {
          const by = users.slice(0, 5).join(", ");
          throw new VolleyError("E_CONFLICT", `Task sequence ${name} is used by ${by}.`);
        }
        await store.sequences.remove(id);
        files.remove(id);
      },
    },
  ];
}
