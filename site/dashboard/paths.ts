/** The page's views, each at a path of its own: the site serves the page there, and the page shows the view. */

export const signInPath = "/login";

/** In the order of the navigation. */
export const viewPaths = [
  { path: "/", title: "Room" },
  { path: "/sessions", title: "Sessions" },
  { path: "/deployments", title: "Deployments" },
  { path: "/images", title: "Images" },
  { path: "/sequences", title: "Task sequences" },
  { path: "/packages", title: "Packages" },
  { path: "/devices", title: "Devices" },
  { path: "/points", title: "Buildings" },
  { path: "/status", title: "Status" },
  { path: "/logs", title: "Logs" },
  { path: "/settings", title: "Settings" },
] as const;

/** Views that show one thing, by its identifier, below their own path; a log by its machine's and its deployment's. */
export const detailedPaths = [
  "/deployments",
  "/sequences",
  "/devices",
  "/status",
  "/logs",
] as const satisfies (typeof viewPaths)[number]["path"][];

/** Parts of the settings, below their own path. */
export const settingPaths = [
  { path: "/settings", title: "Distribution point" },
  { path: "/settings/pxe", title: "Network boot" },
  { path: "/settings/webhook", title: "Webhook" },
  { path: "/settings/access", title: "Access" },
  { path: "/settings/backup", title: "Backup" },
  { path: "/settings/audit", title: "Audit log" },
  { path: "/settings/api", title: "API" },
  { path: "/settings/password", title: "Own password" },
] as const;
