/** The distribution point: its properties, and the sessions that wait by them. */
import { ask, button, saying, showRows, signOut, whoAmI } from "./common.js";

const part = (id) => document.getElementById(id);
const fields = part("properties").elements;
const texts = ["groupRange", "portRange"];
const numbers = ["maximumClients", "rateMbps", "startDelayMinutes", "minimumClients"];
const switches = ["multicast", "scheduled"];
const waitingEveryMs = 5000;
let me;

async function showWaiting() {
  const waiting = await ask("GET", "/waiting");
  const rows = waiting.map((one) => {
    const more = one.missingCount - one.missing.length;
    const start = button("Start now", `Start ${one.deploymentName} now`, () =>
      saying(async () => {
        await ask("POST", `/deployments/${one.deploymentId}/start`, {});
        await showWaiting();
      }),
    );
    return [
      one.deploymentName,
      `${one.present.length} of ${one.minimumClients}`,
      one.missing.join(", ") + (more > 0 ? ` and ${more} more` : ""),
      one.startsAt.slice(0, 19).replace("T", " "),
      me.role === "viewer" ? "" : start,
    ];
  });
  showRows(part("waiting"), rows);
}

function showProperties(point) {
  for (const name of [...texts, ...numbers]) fields[name].value = point[name];
  for (const name of switches) fields[name].checked = point[name];
  fields.policy.value = point.slowClients.policy;
  fields.leastMbps.value = point.slowClients.leastMbps ?? "";
  fields.streams.value = point.slowClients.streams ?? "";
}

function wanted() {
  const policy = fields.policy.value;
  const number = { disconnect: "leastMbps", multistream: "streams" }[policy];
  return {
    ...Object.fromEntries(texts.map((name) => [name, fields[name].value.trim()])),
    ...Object.fromEntries(numbers.map((name) => [name, Number(fields[name].value)])),
    ...Object.fromEntries(switches.map((name) => [name, fields[name].checked])),
    slowClients: { policy, ...(number === undefined ? {} : { [number]: Number(fields[number].value) }) },
  };
}

part("properties").addEventListener("submit", (event) => {
  event.preventDefault();
  void saying(async () => {
    showProperties(await ask("POST", "/distribution-point", wanted()));
    return "Saved. It counts for sessions that start from now on.";
  });
});
part("logout").addEventListener("click", () => void saying(signOut));
void saying(async () => {
  me = await whoAmI();
  part("summary").textContent = `${me.name}, ${me.role}`;
  for (const field of fields) field.disabled = me.role !== "administrator";
  showProperties(await ask("GET", "/distribution-point"));
  await showWaiting();
  setInterval(() => void saying(showWaiting), waitingEveryMs);
});
