/** The skeleton: header, navigation, what is said, and the view of the address. */
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { signInPath, viewPaths } from "./paths.ts";
import { trouble, useHealth } from "./state/health.ts";
import { path } from "./state/location.ts";
import { away, countsText } from "./state/room.ts";
import { me, said, saying, signOut } from "./state/site.ts";
import { DeploymentsView } from "./views/deployments.tsx";
import { DevicesView } from "./views/devices.tsx";
import { ImagesView } from "./views/images.tsx";
import { LogsView } from "./views/logs.tsx";
import { PackagesView } from "./views/packages.tsx";
import { PointsView } from "./views/points.tsx";
import { RoomView } from "./views/room.tsx";
import { SequencesView } from "./views/sequences.tsx";
import { SessionsView } from "./views/sessions.tsx";
import { SettingsView } from "./views/settings.tsx";
import { StatusView } from "./views/status.tsx";
import { SignInView } from "./views/sign-in.tsx";

/** What each path of paths.ts shows. */
const views: Record<(typeof viewPaths)[number]["path"], ComponentType> = {
  "/": RoomView,
  "/sessions": SessionsView,
  "/deployments": DeploymentsView,
  "/images": ImagesView,
  "/sequences": SequencesView,
  "/packages": PackagesView,
  "/devices": DevicesView,
  "/points": PointsView,
  "/status": StatusView,
  "/logs": LogsView,
  "/settings": SettingsView,
};

/** The path of the navigation that an address belongs to: its own, or the one it lies below. */
function sectionOf(address: string): (typeof viewPaths)[number] {
  const below = viewPaths.find((view) => view.path !== "/" && `${address}/`.startsWith(`${view.path}/`));
  return below ?? viewPaths[0];
}

export function App() {
  useHealth();
  if (path.value === signInPath) return <SignInView />;
  const section = sectionOf(path.value);
  const View = views[section.path];
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class={away.value === "" ? "" : "stale"}>
        <p class="brand">Volley</p>
        <Navigation current={section.path} />
        <p id="summary" role="status">
          {countsText.value}
        </p>
        <p class="who">{me.value === null ? "" : `${me.value.name}, ${me.value.role}`}</p>
        <button type="button" onClick={() => void saying(signOut)}>
          Sign out
        </button>
      </header>
      <p id="away" role="status" hidden={away.value === ""}>
        {away.value}
      </p>
      <p id="trouble" role="alert" hidden={trouble.value === ""}>
        {trouble.value}
      </p>
      <p id="said" role="alert">
        {said.value}
      </p>
      <Main title={section.title} stale={away.value !== ""}>
        {me.value === null ? <p class="empty">…</p> : <View />}
      </Main>
    </>
  );
}

function Navigation({ current }: { current: string }) {
  const element = useRef<HTMLElement>(null);
  // On a phone the navigation is wider than the window. After scrollIntoView the Tab key would go on from there.
  useEffect(() => {
    const nav = element.current;
    const link = nav?.querySelector("[aria-current]");
    if (!nav || !link) return;
    const [whole, part] = [nav.getBoundingClientRect(), link.getBoundingClientRect()];
    nav.scrollLeft += part.left + part.width / 2 - (whole.left + whole.width / 2);
  }, [current]);
  return (
    <nav ref={element} aria-label="Views">
      {viewPaths.map((view) => (
        <a key={view.path} href={view.path} aria-current={view.path === current ? "page" : undefined}>
          {view.title}
        </a>
      ))}
    </nav>
  );
}

interface MainProps {
  title: string;
  stale: boolean;
  children: ComponentChildren;
}

/** Takes the focus when another view is shown, so that a screen reader begins there. */
function Main({ children, stale, title }: MainProps) {
  const element = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = title === viewPaths[0].title ? "Volley" : `Volley: ${title.toLowerCase()}`;
    if (!first.current) element.current?.focus();
    first.current = false;
  }, [title]);
  return (
    <main id="main" ref={element} tabIndex={-1} class={stale ? "stale" : ""}>
      <h1 class="unseen">{title}</h1>
      {children}
    </main>
  );
}
