/** What hinders the site, asked for now and then: it concerns whoever looks at whatever view. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Health } from "../../../contract/administration.ts";
import { ask } from "./site.ts";

/** A sentence or two; empty while nothing does. */
export const trouble = signal("");

const everyMs = 10_000;

async function look(): Promise<void> {
  const { trouble: found } = await ask<Health>("GET", "/health");
  trouble.value = found === null ? "" : `${found.detail} ${found.remedy}`;
}

/** While the page is open. A site that does not answer is the live stream's to tell. */
export function useHealth(): void {
  useEffect(() => {
    const tryLook = (): void => void look().catch(() => undefined);
    tryLook();
    const timer = setInterval(tryLook, everyMs);
    return () => clearInterval(timer);
  }, []);
}
