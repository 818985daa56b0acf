/** A service of systemd that starts the agent in the system a refresh began in, should the PE come to nothing. */
import { existsSync } from "node:fs";
import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeWhole } from "../state-folder.ts";

export interface ReturnUnit {
  install(): Promise<void>;
  remove(): Promise<void>;
}

const unitName = "volley-agent-return.service";
const units = "etc/systemd/system";
const target = `${units}/multi-user.target.wants`;

export interface ReturnUnitOptions {
  /** "/" but in tests. */
  root: string;
  /** The program and its words, which start the agent as it was started. */
  command: readonly string[];
  /** A service started this agent, and will again. */
  hasService: boolean;
}

/** Nothing is installed where systemd does not run, or the agent is a service already. */
export function returnUnit({ command, hasService, root }: ReturnUnitOptions): ReturnUnit {
  const path = join(root, units, unitName);
  const link = join(root, target, unitName);
  return {
    async install() {
      if (hasService || !existsSync(join(root, "run/systemd/system"))) return;
      writeWhole(path, unitText(command), 0o644);
      await mkdir(dirname(link), { recursive: true });
      const linked = await readlink(link).catch(() => null);
      if (linked === null) await symlink(join("/", units, unitName), link);
    },
    async remove() {
      await rm(link, { force: true });
      await rm(path, { force: true });
    },
  };
}

function unitText(command: readonly string[]): string {
  return `[Unit]
Description=Volley: goes on with a refresh after a restart
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${command.map(quoted).join(" ")}
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5), "Command lines": "%" and "$" are doubled, quotes and backslashes escaped. */
function quoted(word: string): string {
  const text = word.replaceAll(/["\\]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$");
  return `"${text}"`;
}
