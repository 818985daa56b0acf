/** Request State Store and Release State Store: a place at the site for what a computer's users keep. */
import { setTimeout as delay } from "node:timers/promises";
import { toVolleyError } from "../../contract/errors.ts";
import { codes } from "./codes.ts";
import type { StateStorePlace } from "./services.ts";
import {
  everywhere,
  real,
  service,
  setOutput,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  wholeNumber,
} from "./step-kind.ts";

import type { StepContext } from "./step.ts";

/** Where the key of the store is while it is in use; hidden. */
export const storeKeyVariable = "_VolleyStateStoreKey";

export const requestStateStore = stepKind({
  type: "RequestStateStore",
  title: "Request State Store",
  support: everywhere,
  async perform(context) {
    const written =
      context.property("RequestType") || context.variables.get("OSDStateRequestType") || actionType(context);
    const purpose = written.toLowerCase();
    if (purpose !== "capture" && purpose !== "restore") {
      throw new StepFailure(codes.invalidSetting, `"${written}" is no request: capture and restore are`);
    }
    const place = await requestPatiently(context, purpose);
    context.variables.set("OSDStateStorePath", place.path);
    context.variables.set(storeKeyVariable, place.key, { hidden: true, readOnly: true });
    return succeeded(`User state is kept at ${place.path}`);
  },
});

function actionType(context: StepContext): string {
  return /\/(capture|restore)\b/i.exec(context.step.action)?.[1] ?? "";
}

/** "Number of retries" 0 to 600, "Retry delay (in seconds)". */
async function requestPatiently(
  context: StepContext,
  purpose: "capture" | "restore",
): Promise<StateStorePlace> {
  const read = (property: string, variable: string, most: number): number =>
    wholeNumber(setting(context, property, variable), property, { least: 0, most, fallback: 0 });
  const retries = read("SMPRetryCount", "OSDStateSMPRetryCount", 600);
  const pauseMs = read("SMPRetryTime", "OSDStateSMPRetryTime", 3600) * 1000;
  const store = service(context, "stateStore", "state store at the site");
  for (let again = 0; ; again += 1) {
    try {
      return await store.request(purpose);
    } catch (error) {
      const failure = toVolleyError(error);
      if (again >= retries || failure.entry.retry !== "later") throw failure;
      context.log.warning(`The state store does not answer: ${failure.detail}`);
      await delay(pauseMs, undefined, { signal: context.signal });
    }
  }
}

export const releaseStateStore = stepKind({
  type: "ReleaseStateStore",
  title: "Release State Store",
  support: {
    winpe: unsupported("it runs in the full operating system alone"),
    linuxpe: unsupported("it runs in the full operating system alone"),
    windows: real,
    linux: real,
  },
  async perform(context) {
    const path = context.variables.get("OSDStateStorePath");
    if (path === "") throw new StepFailure(codes.notFound, "No state store was requested");
    await service(context, "stateStore", "state store at the site").release(path);
    setOutput(context, storeKeyVariable, "");
    return succeeded(`The state store at ${path} is released`);
  },
});
