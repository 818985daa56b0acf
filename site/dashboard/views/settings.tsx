/** Settings: a part for each matter, below an address of its own. */
import type { ComponentType } from "preact";
import { settingPaths } from "../paths.ts";
import { path } from "../state/location.ts";
import { AccessSettings } from "./access-settings.tsx";
import { ApiDescription } from "./api-description.tsx";
import { AuditLog } from "./audit-log.tsx";
import { BackupSettings } from "./backup-settings.tsx";
import { OwnPassword } from "./own-password.tsx";
import { PointSettings } from "./point-settings.tsx";
import { PxeSettings } from "./pxe-settings.tsx";
import { WebhookSettings } from "./webhook-settings.tsx";

const parts: Record<(typeof settingPaths)[number]["path"], ComponentType> = {
  "/settings": PointSettings,
  "/settings/pxe": PxeSettings,
  "/settings/webhook": WebhookSettings,
  "/settings/access": AccessSettings,
  "/settings/backup": BackupSettings,
  "/settings/audit": AuditLog,
  "/settings/api": ApiDescription,
  "/settings/password": OwnPassword,
};

export function SettingsView() {
  const current = settingPaths.find((one) => one.path === path.value) ?? settingPaths[0];
  const Part = parts[current.path];
  return (
    <>
      <nav class="sub" aria-label="Settings">
        {settingPaths.map((one) => (
          <a key={one.path} href={one.path} aria-current={one === current ? "page" : undefined}>
            {one.title}
          </a>
        ))}
      </nav>
      <Part />
    </>
  );
}
