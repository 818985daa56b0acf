/** Examinations: test multicast for a machine's doctor (contract/doctor.ts). */
import { BurstRequest, type BurstAnswer, type EchoCounts, type Examination } from "../../contract/doctor.ts";
import type { ApiContext } from "./context.ts";
import { senderOf } from "./participation.ts";
import { identifierOf, machineOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function examinationRoutes(context: ApiContext): Route[] {
  const { examinations } = context;
  return [
    {
      method: "POST",
      path: "/examinations",
      who: "machine",
      handle: async (call): Promise<Examination> => {
        const examination = await examinations.open(machineOf(call));
        call.reply.code(201);
        const { senderAddress: echoAddress } = senderOf(call, context);
        return { ...examination, ...(echoAddress !== undefined && { echoAddress }) };
      },
    },
    {
      method: "POST",
      path: "/examinations/:id/bursts",
      who: "machine",
      handle: (call): Promise<BurstAnswer> => {
        const request = parse(BurstRequest, call.request.body);
        return examinations.burst(machineOf(call), identifierOf(call.request, "examination"), request);
      },
    },
    {
      method: "GET",
      path: "/examinations/:id",
      who: "machine",
      handle: (call): EchoCounts =>
        examinations.counts(machineOf(call), identifierOf(call.request, "examination")),
    },
    {
      method: "POST",
      path: "/examinations/:id/close",
      who: "machine",
      whenFull: true,
      handle: (call) => examinations.close(machineOf(call), identifierOf(call.request, "examination")),
    },
  ];
}
