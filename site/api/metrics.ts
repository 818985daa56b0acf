/** GET /metrics: the site's state in Prometheus' text format, version 0.0.4, for a token with the role of a viewer. */
import type { ApiContext } from "./context.ts";
import type { Route } from "./route.ts";

type Sample = [labels: Record<string, string>, value: number];

export function metricRoutes(context: ApiContext): Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      who: "viewer",
      handle: async ({ reply }) => {
        const text = await metrics(context);
        reply.type("text/plain; version=0.0.4; charset=utf-8");
        return text;
      },
    },
  ];
}

async function metrics({ director, room, store }: ApiContext): Promise<string> {
  const { deployments, images, machines, sessions, waiting } = await room.snapshot();
  const open = sessions.filter(({ state }) => state !== "closed");
  const nameOf = (id: string | null): string =>
    id === null ? "" : (deployments.find((one) => one.id === id)?.name ?? "");
  const ofSessions = (value: (session: (typeof open)[number]) => number): Sample[] =>
    open.map((session) => {
      const { deploymentId, imageName, stream } = session;
      return [{ deployment: nameOf(deploymentId), image: imageName, stream: String(stream) }, value(session)];
    });
  const ended = await store.sessions.ended();
  const told = await store.statusMessages.counts();
  const count = (of: Map<string, number>, label: string): Sample[] =>
    [...of].map(([name, number]) => [{ [label]: name }, number]);
  return [
    family(
      "volley_machines",
      "Enrolled machines by what they do.",
      count(
        tally(machines, ({ state }) => state),
        "state",
      ),
    ),
    family("volley_deployments", "Deployments that are open.", [
      [{}, deployments.filter((one) => one.open).length],
    ]),
    family("volley_images", "Images in the library.", [[{}, images.length]]),
    family(
      "volley_sessions",
      "Open multicast sessions by state.",
      count(
        tally(open, ({ state }) => state),
        "state",
      ),
    ),
    family("volley_sessions_waiting", "Sessions that wait to start.", [[{}, waiting.length]]),
    family("volley_sessions_ended", "Sessions that ended, by reason.", count(ended, "reason")),
    family(
      "volley_session_machines",
      "Machines that joined a session.",
      ofSessions((one) => one.machines),
    ),
    family(
      "volley_session_rate_bytes",
      "Bytes a second that it sends.",
      ofSessions((one) => one.rateBytesPerSecond),
    ),
    family(
      "volley_session_multicast_bytes",
      "Bytes sent by multicast.",
      ofSessions((one) => one.multicastBytes),
    ),
    family(
      "volley_session_unicast_bytes",
      "Bytes sent by unicast.",
      ofSessions((one) => one.unicastBytes),
    ),
    family(
      "volley_session_parity_ratio",
      "Part of parity in it.",
      ofSessions((one) => one.parityPart),
    ),
    family("volley_status_messages", "Status messages that are kept, by severity.", count(told, "severity")),
    family("volley_served_machines", "Machines at work in sessions.", [[{}, director.served]]),
    family("process_resident_memory_bytes", "Memory of the site.", [[{}, process.memoryUsage().rss]]),
    family("process_uptime_seconds", "Since the site started.", [[{}, Math.round(process.uptime())]]),
  ].join("");
}

function family(name: string, help: string, samples: Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines, ""].join("\n");
}

/** Backslash, quote and line feed are escaped, as the format has it. */
function labelText(labels: Record<string, string>): string {
  const escaped = (value: string): string =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function tally<Item>(items: readonly Item[], of: (item: Item) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(of(item), (counts.get(of(item)) ?? 0) + 1);
  return counts;
}
