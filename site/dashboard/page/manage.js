/** Devices, collections of them, and what is deployed to whom: a deployment says what it will do before it does. */
import { ask, button, element, saying, setText, showRows, signOut, whoAmI } from "./common.js";

const part = (id) => document.getElementById(id);
const facts = [
  "name",
  "model",
  "manufacturer",
  "serial",
  "uuid",
  "mac",
  "firmware",
  "operatingSystem",
  "memoryBytes",
];
const operators = {
  like: "is like (* and ?)",
  notLike: "is not like",
  equals: "is",
  notEquals: "is not",
  atLeast: "is at least",
  atMost: "is at most",
};
let mayChange = false;
/** What was previewed, and waits to be confirmed. */
let wanted = null;

const when = ({ expires, starts }) =>
  [starts ? `from ${starts.slice(0, 16)}` : "", expires ? `until ${expires.slice(0, 16)}` : ""]
    .join(" ")
    .trim();
const namesText = (all) =>
  `${all
    .slice(0, 10)
    .map((one) => one.name)
    .join(", ")}${all.length > 10 ? " …" : ""}`;
const wokenText = ({ wake, woken }, unseen) => {
  if (!woken) return wake ? "wakes its machines" : "";
  const since = unseen?.length > 0 ? `, not seen since: ${unseen.length}: ${namesText(unseen)}` : "";
  return `woken ${woken.slice(0, 16)}${since}`;
};
const actions = (...made) => {
  const box = element("span");
  if (mayChange) box.append(...made);
  return box;
};
const options = (select, entries) =>
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
const ruleText = (rule) =>
  (rule?.conditions ?? [])
    .map(({ fact, operator, value }) => `${fact} ${operators[operator]} ${value}`)
    .join(rule?.match === "any" ? " or " : " and ");

/** Of deployments that have woken their machines: who was not seen since. */
async function unseenOf(deployments) {
  const found = new Map();
  for (const { id, open, woken } of deployments) {
    if (open && woken) found.set(id, (await ask("GET", `/deployments/${id}/wake`)).unseen);
  }
  return found;
}

async function show() {
  const [deployments, collections, devices, images, sequences] = await Promise.all(
    ["/deployments", "/collections", "/devices", "/images", "/sequences"].map((path) => ask("GET", path)),
  );
  const unseen = await unseenOf(deployments);
  const nameOf = (all, id) => all.find((one) => one.id === id)?.name ?? "";
  showDeployments(deployments, (one) => ({
    what: nameOf(images, one.imageId) || nameOf(sequences, one.sequenceId),
    to: one.collectionId
      ? nameOf(collections, one.collectionId)
      : one.machines === "all"
        ? "all machines"
        : `${one.machines.length} machines`,
    woken: wokenText(one, unseen.get(one.id)),
  }));
  showCollections(collections);
  showDevices(devices);
  options(part("deploy").elements.what, [
    ...images.map(({ id, name }) => [`imageId ${id}`, `image ${name}`]),
    ...sequences.map(({ id, name }) => [`sequenceId ${id}`, `task sequence ${name}`]),
  ]);
  options(part("deploy").elements.to, [
    ...collections.map(({ id, members, name }) => [id, `${name} (${members.length})`]),
    ["all", "all machines"],
  ]);
  options(
    part("collect").elements.devices,
    devices.map(({ facts: known, id, name }) => [id, known?.name ?? name]),
  );
}

function showDeployments(deployments, told) {
  const rows = deployments.map((one) => [
    one.name,
    told(one).what,
    told(one).to,
    when(one),
    [`${one.purpose}, ${one.open ? "open" : "closed"}`, told(one).woken].filter(Boolean).join("; "),
    actions(
      ...(one.open
        ? [
            button("Close", `Close ${one.name}`, () =>
              act(() => ask("POST", `/deployments/${one.id}/close`, {})),
            ),
          ]
        : []),
      button("Remove", `Remove ${one.name}`, () => act(() => ask("DELETE", `/deployments/${one.id}`))),
    ),
  ]);
  showRows(part("deployments"), rows);
}

function showCollections(collections) {
  const rows = collections.map(({ id, members, name, rule }) => [
    name,
    ruleText(rule),
    `${members.length}: ${namesText(members)}`,
    actions(
      button("Wake", `Wake collection ${name}`, () => wake(`/collections/${id}/wake`, {})),
      button("Remove", `Remove collection ${name}`, () => act(() => ask("DELETE", `/collections/${id}`))),
    ),
  ]);
  showRows(part("collections"), rows);
}

function showDevices(devices) {
  const setState = (id, state) => act(() => ask("POST", `/devices/${id}/state`, { state }));
  const rows = devices.map(({ facts: known, id, mac, machineId, name, state, uuid }) => {
    const called = known?.name ?? name;
    return [
      called,
      machineId === null ? state : state === "approved" ? "enrolled" : `enrolled, ${state}`,
      uuid ?? "",
      mac ?? "",
      actions(
        ...(state === "approved"
          ? []
          : [button("Approve", `Approve ${called}`, () => setState(id, "approved"))]),
        ...(state === "refused" ? [] : [button("Refuse", `Refuse ${called}`, () => setState(id, "refused"))]),
        ...(mac || known?.macAddresses.length
          ? [button("Wake", `Wake ${called}`, () => wake("/devices/wake", { devices: [id] }))]
          : []),
      ),
    ];
  });
  showRows(part("devices"), rows);
}

const act = (work) =>
  saying(async () => {
    try {
      return await work();
    } finally {
      await show();
    }
  });

/** By Wake-on-LAN: nothing answers, so what is told is what was sent. */
const wake = (path, body) =>
  act(async () => {
    const { interfaces, withoutMac, woken } = await ask("POST", path, body);
    const without = withoutMac.length > 0 ? ` No MAC is known of ${namesText(withoutMac)}.` : "";
    return `${woken} devices are woken, by ${interfaces.join(", ")}.${without}`;
  });

function stopConfirming() {
  wanted = null;
  part("confirm").hidden = true;
  part("confirm").reset();
}

part("deploy").addEventListener("submit", (event) => {
  event.preventDefault();
  void saying(async () => {
    const form = Object.fromEntries(new FormData(event.target));
    const [kind, id] = form.what.split(" ");
    const iso = (text) => (text ? new Date(text).toISOString() : null);
    const subnets = form.subnets
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== "");
    const asked = {
      name: form.name,
      [kind]: id,
      ...(form.to === "all" ? { machines: "all" } : { collectionId: form.to }),
      purpose: form.purpose,
      unattended: form.unattended === "on",
      wake: form.wake === "on",
      starts: iso(form.starts),
      expires: iso(form.expires),
      subnets,
    };
    const { confirm, devices, effects, names, risks } = await ask("POST", "/deployments/preview", asked);
    wanted = { asked, confirm };
    const whom = `It is for ${devices} devices: ${names.join(", ")}${devices > names.length ? " and others" : ""}`;
    part("effects").replaceChildren(...[whom, ...effects].map((text) => element("li", "", text)));
    setText(part("risks"), risks.map(({ reason }) => `High risk: ${reason}`).join(" "));
    setText(part("wanted"), confirm ?? "");
    part("repeat").hidden = confirm === null;
    part("confirm").hidden = false;
    part("confirm").elements.confirm.focus();
  });
});

part("confirm").addEventListener("submit", (event) => {
  event.preventDefault();
  if (wanted === null) return;
  const { asked, confirm } = wanted;
  void act(async () => {
    const typed = event.target.elements.confirm.value;
    await ask("POST", "/deployments", {
      ...asked,
      ...(confirm === null ? {} : { confirm: typed || "nothing" }),
    });
    stopConfirming();
    part("deploy").reset();
    return `Deployment ${asked.name} is open.`;
  });
});
part("cancel").addEventListener("click", stopConfirming);

part("collect").addEventListener("submit", (event) => {
  event.preventDefault();
  void act(async () => {
    const form = new FormData(event.target);
    const [fact, operator, value] = ["fact", "operator", "value"].map((name) => form.get(name));
    const rule = value === "" ? null : { match: "all", conditions: [{ fact, operator, value }] };
    await ask("POST", "/collections", { name: form.get("name"), devices: form.getAll("devices"), rule });
    event.target.reset();
  });
});

part("import").addEventListener("submit", (event) => {
  event.preventDefault();
  void act(async () => {
    const csv = await event.target.elements.file.files[0].text();
    const { added, skipped } = await ask("POST", "/devices/import", { csv });
    event.target.reset();
    const left = skipped.map(({ line, reason }) => `Entry ${line - 1}: ${reason}`).join(" ");
    return `${added} devices are added. ${left}`;
  });
});
part("logout").addEventListener("click", () => void signOut());

void saying(async () => {
  const me = await whoAmI();
  setText(part("summary"), `${me.name}, ${me.role}`);
  mayChange = me.role !== "viewer";
  for (const form of document.querySelectorAll("form[data-role]")) form.hidden = !mayChange;
  options(
    part("collect").elements.fact,
    facts.map((fact) => [fact, fact]),
  );
  options(part("collect").elements.operator, Object.entries(operators));
  await show();
});
