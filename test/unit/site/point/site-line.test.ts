/** What a distribution point tells its site, as the site reads it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { SessionRecord } from "../../../../contract/administration.ts";
import { toVolleyError } from "../../../../contract/errors.ts";
import { limits } from "../../../../contract/limits.ts";
import { PointSync } from "../../../../contract/point.ts";
import { defaultProperties } from "../../../../site/casting/properties.ts";
import { openLog } from "../../../../site/log.ts";
import { SiteLine } from "../../../../site/point/site-line.ts";
import { closedRecord } from "../../../../site/casting/closed-sessions.ts";

function session(open: boolean): SessionRecord {
  const end = { reason: "done", detail: "", time: new Date().toISOString() } as const;
  const record = closedRecord(
    {
      id: randomUUID(),
      deploymentId: randomUUID(),
      imageName: "lab",
      stream: 0,
      group: "239.9.0.1",
      port: 41_400,
      start: 1,
      multicastBytes: 0,
      unicastBytes: 0,
      parityPart: 0,
      root: "ab".repeat(32),
      end,
    },
    1,
  );
  return open ? { ...record, state: "casting", end: null } : record;
}

/** The first word of a point with these sessions. Throws what the site would refuse it with. */
async function told(sessions: SessionRecord[]): Promise<PointSync> {
  const deployments = sessions
    .filter(({ end }) => end === null)
    .flatMap(({ deploymentId }) => deploymentId ?? []);
  return await new Promise<PointSync>((resolve, reject) => {
    const line: SiteLine = new SiteLine({
      client: {
        post: async (_path, body) => {
          const { data, error } = PointSync.safeParse(body);
          if (data === undefined) reject(toVolleyError(error));
          else resolve(data);
          return {
            properties: defaultProperties,
            replication: { rateMbps: 0, hours: null },
            images: [],
            closedDeployments: [],
            certificate: null,
          };
        },
      },
      present: async () => ({
        port: 8443,
        sessions,
        waits: [],
        images: [],
        deployments,
        renew: false,
        encryption: true,
        packages: true,
      }),
      take: async () => void line.stop(),
      isBusy: () => false,
      removed: reject,
      log: openLog({ file: null, quiet: true }),
    });
    line.start();
  });
}

test("a point with more sessions than it may tell at once tells the open ones, and the site takes it", async () => {
  const closed = Array.from({ length: 20 }, () => session(false));
  const open = Array.from({ length: limits.pointSessions - 5 }, () => session(true));
  const few = await told([...closed, ...open]);
  assert.equal(few.sessions.length, limits.pointSessions);
  assert.deepEqual(
    few.sessions.map(({ id }) => id),
    [...open, ...closed].slice(0, limits.pointSessions).map(({ id }) => id),
  );
  const more = [...open, ...Array.from({ length: 50 }, () => session(true))];
  const many = await told([...more, ...closed]);
  assert.equal(many.sessions.filter(({ end }) => end === null).length, limits.pointSessions);
  assert.equal(many.deployments.length, limits.pointSessions);
});
