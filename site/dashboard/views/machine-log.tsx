/** A machine's smsts.log as CMTrace shows it: filtered, searched, and followed while the machine works. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { MachineLog } from "../../../contract/machine-logs.ts";
import { LogTable } from "../parts/log-table.tsx";
import { Section } from "../parts/section.tsx";
import { deployments, machineRecord, roster } from "../state/room.ts";
import { ask, mayOperate, Refusal, saying } from "../state/site.ts";
import { componentsOf, filtered, foundIn, recordsOf, type LogFilter } from "../words/cmtrace.ts";
import { countText, timeText } from "../../quantities.ts";

const followMs = 3000;

interface MachineLogProps {
  machineId: string;
  /** The newest where none is named. */
  deploymentId?: string | undefined;
}

/** Null where the machine has brought none. */
async function loadLog({ deploymentId, machineId }: MachineLogProps): Promise<MachineLog | null> {
  const of = deploymentId === undefined ? "" : `?deploymentId=${deploymentId}`;
  try {
    return await ask<MachineLog>("GET", `/machines/${machineId}/log${of}`);
  } catch (error) {
    if (error instanceof Refusal && error.code === "E_NOT_FOUND") return null;
    throw error;
  }
}

/** Following asks the machine each time, where one may; it answers with its next word to the site. */
function useLog({ deploymentId, machineId }: MachineLogProps, isFollowed: boolean) {
  const [log, setLog] = useState<MachineLog | null | undefined>(undefined);
  const load = useCallback(
    async () => setLog(await loadLog({ deploymentId, machineId })),
    [deploymentId, machineId],
  );
  const request = useCallback(() => ask("POST", `/machines/${machineId}/log`), [machineId]);
  useEffect(() => void saying(load), [load]);
  useEffect(() => {
    if (!isFollowed) return undefined;
    const round = async (): Promise<void> => {
      if (mayOperate.value) await request();
      await load();
    };
    const timer = setInterval(() => void round().catch(() => undefined), followMs);
    return () => clearInterval(timer);
  }, [isFollowed, load, request]);
  return { log, request };
}

export function MachineLogView({ deploymentId, machineId }: MachineLogProps) {
  const [isFollowed, setFollowed] = useState(false);
  const { log, request } = useLog({ deploymentId, machineId }, isFollowed);
  const name = roster.value.find(({ id }) => id === machineId)?.name ?? "A machine that is not known";
  const askNow = (): Promise<void> =>
    saying(async () => {
      await request();
      setFollowed(true);
      return `${name} is asked for its log, and brings it with its next word to the site.`;
    });
  const deployment = deployments.value.find(({ id }) => id === log?.deploymentId)?.name ?? "";
  const record = machineRecord(machineId);
  const failure = record?.deploymentId === log?.deploymentId ? record?.error : null;
  return (
    <>
      <p class="back">
        <a href="/logs">All logs</a>
      </p>
      <Section
        title={`smsts.log of ${name}`}
        aside={
          <div class="buttons">
            <label class="tick">
              <input
                type="checkbox"
                checked={isFollowed}
                onChange={(event) => setFollowed(event.currentTarget.checked)}
              />
              Follow
            </label>
            {mayOperate.value ? (
              <button type="button" onClick={() => void askNow()}>
                Ask for it now
              </button>
            ) : null}
          </div>
        }
      >
        {log === undefined ? <p class="empty">…</p> : null}
        {log === null ? (
          <p class="empty">
            It has not come yet. A machine brings it when a deployment fails, and when it is asked.
          </p>
        ) : null}
        {log ? (
          <>
            <p class="hint">{`${deployment === "" ? "" : `${deployment}, `}came ${timeText(log.received)} UTC`}</p>
            {failure ? <p class="risk">{`${failure.code}: ${failure.detail} ${failure.remedy}`}</p> : null}
            <Records text={log.text} name={name} isFollowed={isFollowed} />
          </>
        ) : null}
      </Section>
    </>
  );
}

const everything: LogFilter = { severity: "info", component: "", text: "" };

function Records({ isFollowed, name, text }: { text: string; name: string; isFollowed: boolean }) {
  const [filter, setFilter] = useState(everything);
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  const records = useMemo(() => recordsOf(text), [text]);
  const shown = useMemo(() => filtered(records, filter), [records, filter]);
  const found = useMemo(() => foundIn(shown, wanted), [shown, wanted]);
  const place = found.length === 0 ? -1 : at % found.length;
  const change = (part: Partial<LogFilter>): void => setFilter({ ...filter, ...part });
  return (
    <>
      <form
        class="filter log-tools"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          setAt(place + 1);
        }}
      >
        <select
          aria-label="What is shown"
          value={filter.severity}
          onChange={(event) => change({ severity: event.currentTarget.value as LogFilter["severity"] })}
        >
          <option value="info">Everything</option>
          <option value="warning">Warnings and errors</option>
          <option value="error">Errors</option>
        </select>
        <select
          aria-label="Component"
          value={filter.component}
          onChange={(event) => change({ component: event.currentTarget.value })}
        >
          <option value="">Every component</option>
          {componentsOf(records).map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <input
          type="search"
          aria-label="Show only lines with"
          placeholder="Show only lines with"
          onInput={(event) => change({ text: event.currentTarget.value })}
        />
        <input
          type="search"
          aria-label="Find"
          placeholder="Find (Enter: the next)"
          onInput={(event) => {
            setWanted(event.currentTarget.value);
            setAt(0);
          }}
        />
        <span class="hint" role="status">
          {wanted.trim() === ""
            ? `${shown.length} of ${countText(records.length, "line")}`
            : `${place + 1} of ${found.length} found`}
        </span>
      </form>
      <LogTable records={shown} name={name} found={found} at={found[place] ?? null} isFollowed={isFollowed} />
    </>
  );
}
