/** Sessions: those that send, those that wait to start, and how the last ones ended. */
import { Action } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { SessionCard } from "../parts/session-card.tsx";
import { Table } from "../parts/table.tsx";
import { deployments, sessions, waiting } from "../state/room.ts";
import { ask, mayOperate, saying } from "../state/site.ts";
import { bytesText, timeText } from "../../quantities.ts";
import { limitText, missingText, sessionName, waitName } from "../words/session.ts";
import type { WaitingSession } from "../../../contract/waiting.ts";

export function SessionsView() {
  const open = sessions.value.filter(({ state }) => state !== "closed");
  return (
    <>
      <Section title="Open">
        {open.length === 0 ? (
          <p class="empty">No session is open. One starts when the first machine of a deployment joins.</p>
        ) : null}
        <div class="sessions">
          {open.map((session) => (
            <SessionCard key={session.id} session={session} />
          ))}
        </div>
      </Section>
      <Section title="Sessions that wait">
        <Table
          label="Sessions that wait"
          head={["Deployment", "There", "Missing", "Starts at the latest (UTC)", ""]}
          empty="None waits. With scheduled multicast a session waits for its minimum size or its time."
        >
          {waiting.value.map((one) => (
            <tr key={`${one.deploymentId} ${one.imageId} ${one.point}`}>
              <td>{waitName(one)}</td>
              <td>{`${one.present.length} of ${one.minimumClients}`}</td>
              <td>{missingText(one)}</td>
              <td>{timeText(one.startsAt)}</td>
              <td>
                {mayOperate.value ? (
                  <Action label={`Start ${waitName(one)} now`} onAct={() => startNow(one)}>
                    Start now
                  </Action>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
      </Section>
      <Ended />
    </>
  );
}

function startNow({ deploymentId, deploymentName }: WaitingSession): Promise<void> {
  return saying(async () => {
    await ask("POST", `/deployments/${deploymentId}/start`, {});
    return `${deploymentName} starts with the next machine that asks.`;
  });
}

function Ended() {
  const ended = sessions.value.filter(({ state }) => state === "closed");
  const nameOf = (id: string | null): string =>
    id === null ? "downloads" : (deployments.value.find((one) => one.id === id)?.name ?? "");
  return (
    <Section title="Ended">
      <Table
        label="Sessions that ended"
        head={["Image", "Deployment", "Ended (UTC)", "Multicast", "Unicast", "Why it ended"]}
        empty="None has ended yet."
      >
        {ended.map((session) => (
          <tr key={session.id}>
            <td>{sessionName(session)}</td>
            <td>{nameOf(session.deploymentId)}</td>
            <td>{session.end === null ? "" : timeText(session.end.time)}</td>
            <td>{bytesText(session.multicastBytes)}</td>
            <td>{bytesText(session.unicastBytes)}</td>
            <td>{limitText(session, undefined)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
