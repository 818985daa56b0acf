/** Which view is shown: the address's path, changed by links without loading the page anew. */
import { signal } from "@preact/signals";
import { said } from "./site.ts";

export const path = signal(location.pathname);

/** What an address below the path of a view names; null where it is the view's own. */
export function detailOf(view: string): string | null {
  const detail = path.value.startsWith(`${view}/`) ? path.value.slice(view.length + 1) : "";
  return detail === "" ? null : detail;
}

function isPlainClick(event: MouseEvent): boolean {
  const isModified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  return event.button === 0 && !isModified && !event.defaultPrevented;
}

/** Takes clicks on links to other views; what leads to a file or elsewhere is the browser's. */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || !isPlainClick(event) || link.origin !== location.origin) return;
    if (link.hasAttribute("download") || link.pathname.startsWith("/api/") || link.hash !== "") return;
    event.preventDefault();
    go(link.pathname);
  });
  window.addEventListener("popstate", () => {
    path.value = location.pathname;
  });
}

function go(to: string): void {
  if (to !== location.pathname) history.pushState(null, "", to);
  said.value = "";
  path.value = to;
  window.scrollTo(0, 0);
}
