/** A session: what it sends, how fast, and who or what holds it back. */
import type { SessionRecord } from "../../../contract/administration.ts";
import { machineRecord } from "../state/room.ts";
import { bytesText, percentText, rateText } from "../../quantities.ts";
import { limitText, sessionName, sessionStates } from "../words/session.ts";
import { RatePlot } from "./rate-plot.tsx";

export function SessionCard({ session }: { session: SessionRecord }) {
  const isOpen = session.state !== "closed";
  const limit = limitText(session, machineRecord(session.limitingMachineId));
  const figures: [string, string][] = [
    ["Rate", isOpen ? rateText(session.rateBytesPerSecond) : "–"],
    ["Multicast", bytesText(session.multicastBytes)],
    ["Unicast", bytesText(session.unicastBytes)],
    ["Parity", percentText(session.parityPart)],
    ["Machines", String(session.machines)],
    ["Group", `${session.group}:${session.port}`],
    ["Encrypted", session.encrypted === true ? "yes" : "no"],
  ];
  return (
    <article class="session" data-state={session.state}>
      <div class="head">
        <h3>{sessionName(session)}</h3>
        <span class="state">{sessionStates[session.state]}</span>
      </div>
      <div class="body">
        <dl class="figures">
          {figures.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {isOpen ? <RatePlot sessionId={session.id} name={sessionName(session)} /> : null}
      </div>
      {limit === "" ? null : <p class="line limit">{limit}</p>}
    </article>
  );
}
