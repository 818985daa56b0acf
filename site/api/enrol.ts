/** POST /enrol: a machine with a credential becomes one of the site's, with a key of its own. */
import { EnrolRequest, type EnrolAnswer } from "../../contract/machine.ts";
import { VolleyError } from "../../contract/errors.ts";
import { hashSecret, newKey } from "../authority/secrets.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function enrolRoutes({
  store,
  authority,
  attempts,
  machineKeys,
  room,
  devices,
  pxe,
  audit,
  log,
}: ApiContext): Route[] {
  return [
    {
      method: "POST",
      path: "/enrol",
      who: "anyone",
      handle: async ({ request }): Promise<EnrolAnswer> => {
        attempts.check(request.ip);
        const { credential, machine } = parse(EnrolRequest, request.body);
        const valid = await store.credentials.find(hashSecret(credential));
        const device = valid && (await devices.recognise(machine, valid.approves));
        const known = device && (await store.machines.find(machine, device));
        // What is in boot media is no secret of a room's; who was handed a credential says that it is this machine.
        if (valid?.approves === false && known !== undefined && room.isAlive(known.id)) {
          log.warn(`an enrolment from ${request.ip} as machine ${known.name}, which is there, was refused`);
          throw new VolleyError("E_MACHINE_ALIVE", `${known.name} is enrolled and was heard of just now.`);
        }
        // One use may have been the last of several who ask at once.
        if (device === undefined || (await store.credentials.use(hashSecret(credential))) === undefined) {
          attempts.failed(request.ip);
          log.warn(
            `an enrolment from ${request.ip} was refused: its credential is unknown, used up or expired`,
          );
          throw new VolleyError(
            "E_CREDENTIAL_REFUSED",
            `The credential of ${machine.name} is not valid (any more).`,
          );
        }
        const machineKey = newKey();
        const machineId = await store.machines.enrol(machine, hashSecret(machineKey), device);
        if (known !== undefined) await audit.rekeyed(known, machine.name, request);
        machineKeys.set(machineId, hashSecret(machineKey));
        room.saw(machineId);
        room.changed("machines", machineId);
        pxe.machineArrives({ macs: machine.macAddresses, uuid: machine.smbiosUuid });
        await devices.enrolled(machineId);
        log.info(`machine ${machine.name} enrolled as ${machineId} from ${request.ip}`);
        return { machineId, machineKey, manifestKey: authority.manifestKey };
      },
    },
  ];
}
