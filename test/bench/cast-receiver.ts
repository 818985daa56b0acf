/** A receiving process of the cast benchmark: checks everything, writes nothing. */
import { openReceiver } from "../../native/index.ts";
import { costSoFar, explain } from "./cast-messages.ts";
import type { FromReceiver, ToReceiver } from "./cast-messages.ts";

// Its threads inherit the name, by which a profiler tells them from others.
process.title = "cast-receive";

const progressIntervalMs = 500;
const tell = (message: FromReceiver): void => void process.send?.(message);

process.on("message", (message: ToReceiver) => {
  void receive(message).catch((error: unknown) => tell({ kind: "failed", message: explain(error) }));
});

async function receive({ options }: ToReceiver): Promise<void> {
  const receiver = openReceiver(options);
  const timer = setInterval(
    () => tell({ kind: "progress", statistics: receiver.statistics() }),
    progressIntervalMs,
  );
  try {
    const { root } = await receiver.finished;
    tell({ kind: "finished", root, statistics: receiver.statistics(), cost: costSoFar() });
  } finally {
    clearInterval(timer);
    process.disconnect();
  }
}

tell({ kind: "ready" });
