/** What a view shows of the site: asked for when it is opened, and again after each change. */
import type { Signal } from "@preact/signals";
import { useCallback, useEffect, useState } from "preact/hooks";
import { ask, saying } from "./site.ts";

export interface Resource<Value> {
  /** Null until it came. */
  value: Value | null;
  refresh: () => Promise<void>;
  /** Does something, says what came of it, and asks anew. */
  act: (work: () => Promise<string | void>) => Promise<void>;
}

/** When it is asked for again by itself. */
interface Again {
  everyMs?: number;
  /** Whenever another number comes with the events. */
  revision?: Signal<number>;
}

/** Of `load`, which must be the same function at each call: one outside the component. */
export function useResource<Value>(
  load: () => Promise<Value>,
  { everyMs = 0, revision }: Again = {},
): Resource<Value> {
  const [value, setValue] = useState<Value | null>(null);
  const refresh = useCallback(async () => {
    const loaded = await load();
    setValue(loaded);
  }, [load]);
  const act = useCallback(
    (work: () => Promise<string | void>) =>
      saying(async () => {
        try {
          return await work();
        } finally {
          await refresh();
        }
      }),
    [refresh],
  );
  useEffect(() => {
    void saying(refresh);
    if (everyMs === 0) return undefined;
    // What a person was told last stays; the next round may well succeed.
    const timer = setInterval(() => void refresh().catch(() => undefined), everyMs);
    return () => clearInterval(timer);
  }, [refresh, everyMs]);
  useEffect(() => {
    const began = revision?.peek();
    return revision?.subscribe((number) => {
      if (number !== began) void refresh().catch(() => undefined);
    });
  }, [refresh, revision]);
  return { value, refresh, act };
}

export function list<Item>(address: string): Promise<Item[]> {
  return ask<Item[]>("GET", address);
}
