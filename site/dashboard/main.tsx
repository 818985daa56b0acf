/** Starts the page. */
import { render } from "preact";
import { App } from "./app.tsx";
import { signInPath } from "./paths.ts";
import { followLinks } from "./state/location.ts";
import { listen } from "./state/events.ts";
import { saying, whoAmI } from "./state/site.ts";

const place = document.getElementById("page");
if (place === null) throw new Error("the page has no place to be shown in");
followLinks();
render(<App />, place);
if (location.pathname !== signInPath) {
  void saying(async () => void (await whoAmI()));
  listen();
}
