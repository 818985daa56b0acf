/** POST /enrol: a machine with a credential becomes one of the site's, with a key of its own. */
import { EnrolRequest, type EnrolAnswer } from "../../contract/machine.ts";
import { VolleyError } from "../../contract/errors.ts";
import { hashSecret, newKey } from "../authority/secrets.ts";
import type { ApiContext } from "./context.ts";
import { parse, type Route } from "./routes.ts";

export function enrolRoutes({
  store,
  authority,
  attempts,
  machineKeys,
  room,
  pxe,
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
        const used = await store.credentials.use(hashSecret(credential));
        if (used === undefined) {
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
        const device = await pxe.recognise(machine, used.approves);
        const machineId = await store.machines.enrol(machine, hashSecret(machineKey), device);
        machineKeys.set(machineId, hashSecret(machineKey));
        room.saw(machineId);
        room.changed("machines");
        pxe.machineArrives({ macs: machine.macAddresses, uuid: machine.smbiosUuid });
        pxe.computersChanged();
        log.info(`machine ${machine.name} enrolled as ${machineId} from ${request.ip}`);
        return { machineId, machineKey, manifestKey: authority.manifestKey };
      },
    },
  ];
}
