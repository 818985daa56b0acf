/** Adds reports to an outbox until it is killed, and names each on standard output once it has been added. */
import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { openOutbox } from "../../../agent/report/outbox.ts";

const outbox = openOutbox(process.argv[2] ?? "", () => {});
const deploymentId = randomUUID();
for (;;) {
  const id = randomUUID();
  outbox.add({ id, deploymentId, time: new Date().toISOString(), kind: "notice", text: "x".repeat(2000) });
  writeSync(1, `${id}\n`);
}
