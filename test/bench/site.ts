/**
 * `scripts/bench site`: a room of simulated machines against one real site, on the embedded database and on PostgreSQL. Each
 * enrols, asks for its policy, joins the session, tells its progress every second and its steps, and ends well. What each
 * status took, what the site and the database used of memory, and whether everything that was acknowledged is there.
 */
import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { DatabasePlace } from "../../site/store/database.ts";
import { openStore } from "../../site/store/store.ts";
import { HttpsCaller, type Stream } from "../fixtures/https.ts";
import { PostgresServer } from "../fixtures/postgres-server.ts";
import { openRoom } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { parseCount, rounded } from "./report.ts";
import { Figures, SimulatedMachine } from "./site-machine.ts";

const { values } = parseArgs({
  options: {
    machines: { type: "string", default: "1000" },
    seconds: { type: "string", default: "60" },
    spread: { type: "string", default: "30" },
    on: { type: "string", default: "both" },
    pages: { type: "string", default: "1" },
    most: { type: "string", default: "600" },
  },
});
const machines = parseCount("--machines", values.machines, 1, 20_000);
const seconds = parseCount("--seconds", values.seconds, 1, 3600);
const spread = parseCount("--spread", values.spread, 0, 3600);
const pages = parseCount("--pages", values.pages, 0, 64);
const mostSeconds = parseCount("--most", values.most, 1, 36_000);
if (!["both", "embedded", "postgresql"].includes(values.on)) {
  throw new Error("--on is embedded, postgresql or both");
}
const stepSeconds = 5;

/** Of the smallest, the middle, the 99th of a hundred and the largest. */
function summary(latencies: readonly number[]) {
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number): number => rounded(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: at(1) };
}

/** Resident memory and processor time of a process, as Linux tells. */
function usage(pid: number): { residentBytes: number; processorSeconds: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  const ticks = Number(fields[11]) + Number(fields[12]);
  const resident = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
  return { residentBytes: resident * 4096, processorSeconds: ticks / 100 };
}

async function watch(site: SiteProcess, server: PostgresServer | null, ended: AbortSignal) {
  const most = { siteBytes: 0, databaseBytes: 0 };
  while (!ended.aborted) {
    most.siteBytes = Math.max(most.siteBytes, usage(site.pid).residentBytes);
    most.databaseBytes = Math.max(most.databaseBytes, server?.usage().residentBytes ?? 0);
    await delay(1000, undefined, { signal: ended }).catch(() => undefined);
  }
  return most;
}

async function measure(on: "embedded" | "postgresql") {
  const room = await openRoom(`site on ${on}`);
  const server = on === "postgresql" ? await PostgresServer.start({ durable: true }) : null;
  try {
    const { at, words = [] } = (await server?.forSite(room.folder)) ?? {};
    const site = await room.startSite({ words });
    const image = await site.importImage((await room.makeImage(4)).path, "lab");
    await site.createDeployment({ name: "hall", imageId: image.id, rateMbps: 1 });
    const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
    const place = { host: site.address, port: site.port, authority };
    const credential = await site.newCredential(machines);
    const begin = { site: usage(site.pid), database: server?.usage().processorSeconds ?? 0 };
    const ownBegin = process.cpuUsage();
    const figures = new Figures();
    const watching = new AbortController();
    const watched = watch(site, server, watching.signal);
    const open = await openPages(site, place);
    const ended = AbortSignal.timeout(mostSeconds * 1000);
    setMaxListeners(0, ended);
    const beginMs = performance.now();
    const all = Array.from({ length: machines }, async (_, number) => {
      await delay((number / machines) * spread * 1000);
      const options = { place, credential, number, seconds, stepSeconds, figures, ended };
      const one = new SimulatedMachine(options);
      // Who did not come to its end is missing among those that succeeded.
      await one.run().catch((error: unknown) => figures.unfinished.add(String(error)));
      one.close();
    });
    await Promise.all(all);
    const tookSeconds = (performance.now() - beginMs) / 1000;
    const own = process.cpuUsage(ownBegin);
    watching.abort();
    const peak = await watched;
    const siteSeconds = usage(site.pid).processorSeconds - begin.site.processorSeconds;
    const databaseSeconds = (server?.usage().processorSeconds ?? 0) - begin.database;
    const requests = [...figures.latenciesMs.values()].reduce((sum, one) => sum + one.length, 0);
    open.close();
    const states = (await site.machines()).map(({ state }) => state);
    await site.stop();
    const lost = await missing(figures, at ?? join(site.folder, "database"));
    return {
      on,
      machines,
      tookSeconds: rounded(tookSeconds),
      requests: Object.fromEntries([...figures.latenciesMs].map(([what, took]) => [what, summary(took)])),
      failures: figures.failures,
      lastFailure: figures.lastFailure,
      acknowledged: figures.acknowledged.size,
      lost,
      succeeded: states.filter((state) => state === "succeeded").length,
      unfinished: [...figures.unfinished],
      siteProcessorSeconds: rounded(siteSeconds),
      databaseProcessorSeconds: rounded(databaseSeconds),
      machinesProcessorSeconds: rounded((own.user + own.system) / 1e6),
      processorSecondsPerThousand: rounded(((siteSeconds + databaseSeconds) * 1000) / requests),
      pages,
      siteIdleBytes: begin.site.residentBytes,
      siteMostBytes: peak.siteBytes,
      databaseMostBytes: peak.databaseBytes,
      loadAverage: loadavg().map((value) => rounded(value)),
    };
  } finally {
    await room.close();
    await server?.stop();
  }
}

/** Pages that people have open: each is sent the room, over and over. */
async function openPages(site: SiteProcess, place: { host: string; port: number; authority: string }) {
  const caller = new HttpsCaller(place);
  const token = readFileSync(join(site.folder, "admin-token"), "utf8").trim();
  const headers = { authorization: `Bearer ${token}` };
  const streams: Stream[] = [];
  for (let page = 0; page < pages; page += 1) {
    streams.push(await caller.open("/api/v1/events", headers));
  }
  return {
    close: () => {
      for (const stream of streams) stream.close();
      caller.close();
    },
  };
}

/** How many of the acknowledged reports the database does not have. */
async function missing({ acknowledged }: Figures, place: DatabasePlace): Promise<number> {
  const store = await openStore(place);
  try {
    const rows = await store.database.selectFrom("report").select("id").execute();
    const kept = new Set(rows.map(({ id }) => id));
    return [...acknowledged].filter((id) => !kept.has(id)).length;
  } finally {
    await store.close();
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const results = [];
for (const on of ["embedded", "postgresql"] as const) {
  if (values.on !== "both" && values.on !== on) continue;
  const result = await measure(on);
  results.push(result);
  const status = result.requests["status"];
  console.error(
    `${on}: ${machines} machines in ${result.tookSeconds} s; a status took ${status?.p50Ms} ms, p99 ${status?.p99Ms} ms, ` +
      `at most ${status?.mostMs} ms; a thousand requests took the site and its database ` +
      `${result.processorSecondsPerThousand} s of a processor; the site used ${megabytes(result.siteMostBytes)}, its database ` +
      `${megabytes(result.databaseMostBytes)}; ${result.acknowledged} statuses acknowledged, ${result.lost} lost`,
  );
}
console.log(JSON.stringify({ results }));
