/**
 * `scripts/bench agent`: memory of a real agent and the longest pause of its event loop, from a real site, for an image
 * of 1 GiB and a sparse one of 32 GiB, both with 1 GiB of random bytes, at the rate of a gigabit network. The last line is the result.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openRoom } from "../fixtures/room.ts";
import { rounded } from "./report.ts";

const contentMebibytes = 1024;
const rateMbps = 1000;
/** Of a transfer, which takes eight at that rate. */
const sampledLeastSeconds = 5;
const gibibyte = 2 ** 30;
const hook = fileURLToPath(new URL("./event-loop.js", import.meta.url));

interface Figures {
  longestPauseMs: number;
  sampledSeconds: number;
  residentBytesMost: number;
}

const room = await openRoom("bench agent");
try {
  const site = await room.startSite();
  const results: object[] = [];
  for (const imageBytes of [gibibyte, 32 * gibibyte]) {
    const image = join(room.folder, `image-${imageBytes}.raw`);
    const count = `count=${contentMebibytes}`;
    execFileSync("dd", ["if=/dev/urandom", `of=${image}`, "bs=1M", count, "status=none"]);
    truncateSync(image, imageBytes);
    const record = await site.importImage(image, `image ${imageBytes}`);
    const deployment = await site.createDeployment({
      name: `agent ${imageBytes}`,
      imageId: record.id,
      rateMbps,
    });
    const disk = join(room.folder, `disk-${imageBytes}.raw`);
    execFileSync("truncate", ["-s", String(imageBytes), disk]);
    const report = join(room.folder, `figures-${imageBytes}.json`);
    const agent = await room.startAgent(site, {
      name: `pc ${imageBytes / gibibyte}`,
      disk,
      environment: {
        NODE_OPTIONS: `--import=${hook}`,
        VOLLEY_BENCH_EVENT_LOOP: report,
        VOLLEY_BENCH_DISK: disk,
      },
    });
    await agent.exits(0);
    const figures = JSON.parse(readFileSync(report, "utf8")) as Figures;
    const sampledSeconds = rounded(figures.sampledSeconds);
    if (sampledSeconds < sampledLeastSeconds) {
      throw new Error(`the event loop was looked at for ${sampledSeconds} s: too short to tell`);
    }
    const megabytes = rounded(figures.residentBytesMost / 1e6);
    const longestPauseMs = rounded(figures.longestPauseMs);
    process.stderr.write(
      `${imageBytes / gibibyte} GiB: ${megabytes} MB, longest pause ${longestPauseMs} ms\n`,
    );
    results.push({ imageBytes, residentMegabytesMost: megabytes, longestPauseMs, sampledSeconds });
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  }
  console.log(JSON.stringify({ results }));
} finally {
  await room.close();
}
