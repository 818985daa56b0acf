/** Sessions that are still to start, a line for each. */
import type { WaitingSession } from "../../../contract/waiting.ts";
import { waitingText } from "../words/session.ts";

export function WaitingList({ of }: { of: readonly WaitingSession[] }) {
  if (of.length === 0) return null;
  return (
    <ul class="waiting-sessions">
      {of.map((one) => (
        <li key={`${one.deploymentId} ${one.imageId} ${one.point}`}>{waitingText(one)}</li>
      ))}
    </ul>
  );
}
