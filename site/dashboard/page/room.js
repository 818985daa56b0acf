/**
 * The live page. Each state from the site is whole; what is on the page is changed to match it. Text goes in as
 * text only, never as markup: names come from machines.
 */
import { element, setText, signOut, whoAmI } from "./common.js";

const silentAfterMs = 15_000;
/** Sessions that ended: the latest are enough to see how it went. */
const endedShown = 3;

const parts = {
  summary: document.getElementById("summary"),
  away: document.getElementById("away"),
  sessions: document.getElementById("sessions"),
  waiting: document.getElementById("waiting"),
  noSessions: document.getElementById("no-sessions"),
  machines: document.getElementById("machines"),
  noMachines: document.getElementById("no-machines"),
};

function bytesText(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

function timeText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function percentText(part) {
  return `${(part * 100).toFixed(1)} %`;
}

/** Keeps one child of `parent` for each item, in order; `make` answers it with an `update` function on it. */
function keep(parent, items, make) {
  const known = new Map([...parent.children].map((child) => [child.dataset.id, child]));
  for (const [index, item] of items.entries()) {
    let child = known.get(item.id);
    if (!child) {
      child = make();
      child.dataset.id = item.id;
    }
    known.delete(item.id);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
    child.update(item);
  }
  for (const gone of known.values()) gone.remove();
}

function figure(list, label) {
  const box = element("div", "figure");
  const value = element("dd");
  box.append(element("dt", "", label), value);
  list.append(box);
  return value;
}

function makeSession() {
  const card = element("article", "session");
  const head = element("div", "head");
  const name = element("h3");
  const state = element("span", "state");
  head.append(name, state);
  const figures = element("dl", "figures");
  const rate = figure(figures, "Rate");
  const multicast = figure(figures, "Multicast");
  const unicast = figure(figures, "Unicast");
  const parity = figure(figures, "Parity");
  const machines = figure(figures, "Machines");
  const group = figure(figures, "Group");
  const limit = element("p", "line limit");
  card.append(head, figures, limit);
  card.update = (session) => {
    card.dataset.state = session.state;
    setText(
      name,
      session.stream === 0 ? session.imageName : `${session.imageName}, stream ${session.stream}`,
    );
    setText(state, { casting: "sending", idle: "waiting for requests", closed: "ended" }[session.state]);
    setText(rate, session.state === "closed" ? "–" : `${bytesText(session.rateBytesPerSecond)}/s`);
    setText(multicast, bytesText(session.multicastBytes));
    setText(unicast, bytesText(session.unicastBytes));
    setText(parity, percentText(session.parityPart));
    setText(machines, String(session.machines));
    setText(group, `${session.group}:${session.port}`);
    setText(limit, session.end === null ? describeLimit(session) : endText(session.end));
    limit.hidden = limit.textContent === "";
  };
  return card;
}

/** A session that is to start with more machines or at a time. */
function makeWaiting() {
  const line = element("li", "line");
  line.update = ({ deploymentName, minimumClients, missing, missingCount, present, startsAt }) => {
    const more = missingCount > missing.length ? ` and ${missingCount - missing.length} more` : "";
    const who = missing.length === 0 ? "" : ` Missing: ${missing.join(", ")}${more}.`;
    setText(
      line,
      `${deploymentName} waits: ${present.length} of ${minimumClients} machines are there; ` +
        `it starts at ${startsAt.slice(11, 16)} UTC at the latest.${who}`,
    );
  };
  return line;
}

function movedText({ stream }, { reason, to }) {
  const where = { unicast: "to unicast", out: "out", stream: `to stream ${stream}` }[to];
  return `Moved ${where}. ${reason}.`;
}

const endReasons = {
  done: "Its machines are done.",
  silent: "No machine reported any more.",
  "deployment-closed": "Its deployment was closed.",
  "sender-failed": "Its sender failed.",
  "not-opened": "It could not be opened.",
  "not-resumed": "It did not go on after a restart.",
  unknown: "",
};

function endText({ detail, reason }) {
  return `${endReasons[reason]} ${detail}`.trim();
}

/** Who or what the session waits for, by name. */
function describeLimit({ limit, limitingMachine }) {
  if (limit === "policy") return "Held back by the rate of the deployment.";
  if (limit === "network") return "Held back by the network.";
  if (limit === "site") return "Held back by the site's own computer.";
  if (limit !== "machine") return "";
  if (!limitingMachine) return "Held back by a machine.";
  const part = ownBottlenecks[limitingMachine.progress?.bottleneck] ?? "";
  return `Held back by ${limitingMachine.facts.name}${part === "" ? "" : `: ${part}`}.`;
}

const ownBottlenecks = { network: "its network", processor: "its processor", disk: "its disk" };

const phases = {
  preparing: "preparing the disk",
  receiving: "receiving",
  finishing: "finishing",
  done: "done",
  failed: "failed",
};

function describeState(machine) {
  if (machine.state === "working") return machine.progress ? phases[machine.progress.phase] : "starting";
  return { enrolled: "waiting", planned: "showing its plan", succeeded: "done", failed: "failed" }[
    machine.state
  ];
}

function describeFigures(machine) {
  if (machine.state === "succeeded" && machine.outcome) {
    const { multicastBytes, unicastBytes, repairedSymbols, seconds } = machine.outcome;
    const repaired = repairedSymbols > 0 ? `, ${repairedSymbols} symbols repaired` : "";
    return `in ${timeText(seconds)}: ${bytesText(multicastBytes)} multicast, ${bytesText(unicastBytes)} unicast${repaired}`;
  }
  const progress = machine.state === "working" ? machine.progress : null;
  if (!progress) return machine.plan ? `${machine.plan.device}, ${bytesText(machine.plan.sizeBytes)}` : "";
  const left = progress.secondsLeft === null ? "" : `, ${timeText(progress.secondsLeft)} left`;
  return `${bytesText(progress.bytesVerified)} of ${bytesText(progress.bytesTotal)}, ${bytesText(progress.bytesPerSecond)}/s${left}`;
}

function waitOf(progress) {
  if (!progress) return "";
  const part = ownBottlenecks[progress.bottleneck] ?? "";
  return progress.waitingFor || (part === "" ? "" : `Held back by ${part}.`);
}

function partDone(machine) {
  if (machine.state === "succeeded") return 1;
  if (!machine.progress || machine.progress.bytesTotal === 0) return 0;
  return machine.progress.bytesVerified / machine.progress.bytesTotal;
}

function makeMachine() {
  const card = element("article", "machine");
  const head = element("div", "head");
  const name = element("h3");
  const state = element("span", "state");
  head.append(name, state);
  const bar = element("progress");
  bar.max = 1;
  const figures = element("p", "line");
  const waiting = element("p", "line waiting");
  const problem = element("div", "problem");
  const detail = element("p", "detail");
  const remedy = element("p", "remedy");
  problem.append(detail, remedy);
  card.append(head, bar, figures, waiting, problem);
  card.update = (machine) => {
    card.dataset.state = machine.state;
    setText(name, machine.facts.name);
    setText(state, describeState(machine));
    bar.value = partDone(machine);
    bar.setAttribute("aria-label", `Progress of ${machine.facts.name}`);
    setText(figures, describeFigures(machine));
    const silentMs = machine.now - Date.parse(machine.lastSeen);
    const silent = machine.state === "working" && silentMs > silentAfterMs;
    const wait = machine.state === "working" ? machine.moved || waitOf(machine.progress) : "";
    setText(waiting, silent ? `Silent for ${timeText(silentMs / 1000)}.` : wait || machine.notice);
    waiting.hidden = waiting.textContent === "";
    problem.hidden = machine.error === null;
    setText(detail, machine.error ? `${machine.error.code}: ${machine.error.detail}` : "");
    setText(remedy, machine.error?.remedy ?? "");
  };
  return card;
}

/** Machine 2 before machine 10. */
function byName(one, other) {
  return one.facts.name.localeCompare(other.facts.name, "en", { numeric: true });
}

function count(machines, state) {
  return machines.filter((machine) => machine.state === state).length;
}

function show(room) {
  const now = Date.parse(room.time);
  const working = count(room.machines, "working");
  const done = count(room.machines, "succeeded");
  const failed = count(room.machines, "failed");
  setText(
    parts.summary,
    `${room.machines.length} machines: ${working} working, ${done} done${failed > 0 ? `, ${failed} failed` : ""}`,
  );
  const open = room.sessions.filter((session) => session.state !== "closed");
  for (const session of open) {
    session.limitingMachine = room.machines.find((machine) => machine.id === session.limitingMachineId);
  }
  const ended = room.sessions.filter((session) => session.state === "closed").slice(0, endedShown);
  parts.noSessions.hidden = room.sessions.length + room.waiting.length > 0;
  parts.waiting.hidden = room.waiting.length === 0;
  keep(
    parts.waiting,
    room.waiting.map((one) => ({ ...one, id: `${one.deploymentId} ${one.imageId}` })),
    makeWaiting,
  );
  parts.noMachines.hidden = room.machines.length > 0;
  keep(parts.sessions, [...open, ...ended], makeSession);
  const moved = new Map(
    open.flatMap((session) => session.moved.map((one) => [one.machineId, movedText(session, one)])),
  );
  const shown = room.machines.map((machine) => ({ ...machine, now, moved: moved.get(machine.id) ?? "" }));
  keep(parts.machines, shown.toSorted(byName), makeMachine);
}

function setAway(text) {
  parts.away.hidden = text === "";
  setText(parts.away, text);
  document.body.classList.toggle("stale", text !== "");
}

let latest = null;
/** When the latest state came, by this page's clock: the site's may differ. */
let latestMs = 0;

/** A browser tries again by itself, but not after every kind of refusal, and says nothing of why. */
function listen() {
  const source = new EventSource("/api/v1/events");
  source.addEventListener("room", (event) => {
    latest = JSON.parse(event.data);
    latestMs = Date.now();
    setAway("");
    show(latest);
  });
  source.addEventListener("error", async () => {
    setAway(
      "The site does not answer. What is shown is the last that was heard; the page tries again by itself.",
    );
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    // Refused for want of a sign-in? That leads there; else it is still away.
    await whoAmI().catch(() => undefined);
    setTimeout(listen, 2000);
  });
}

/** Nothing comes while nothing changes, but silence itself is worth showing. */
setInterval(() => {
  if (!latest || !parts.away.hidden) return;
  const heardAgoMs = Date.now() - latestMs;
  if (heardAgoMs > 1000) {
    show({ ...latest, time: new Date(Date.parse(latest.time) + heardAgoMs).toISOString() });
  }
}, 1000);

document.getElementById("logout").addEventListener("click", () => void signOut());

// The mark that signing out needs.
whoAmI().catch(() => undefined);
listen();
