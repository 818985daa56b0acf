/** The sending process of the cast benchmark: opens a caster when told to, and stops it when told to. */
import { openCaster } from "../../native/index.ts";
import type { Caster } from "../../native/index.ts";
import { costSoFar, explain } from "./cast-messages.ts";
import type { FromSender, ToSender } from "./cast-messages.ts";

// Its threads inherit the name, by which a profiler tells them from others.
process.title = "cast-sender";

const tell = (message: FromSender): void => void process.send?.(message);
let caster: Caster | undefined;

process.on("message", (message: ToSender) => {
  void answer(message).catch((error: unknown) => tell({ kind: "failed", message: explain(error) }));
});

async function answer(message: ToSender): Promise<void> {
  if (message.kind === "open") {
    caster = openCaster(message.options);
    caster.finished.catch((error: unknown) => tell({ kind: "failed", message: explain(error) }));
    tell({ kind: "opened", feedbackPort: caster.ports.feedback, unicastPort: caster.ports.unicast });
    return;
  }
  const statistics = caster?.statistics();
  await caster?.stop();
  if (statistics) tell({ kind: "stopped", statistics, cost: costSoFar() });
  process.disconnect();
}
