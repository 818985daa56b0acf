/** The doctor measures behind the firewall that a session would have: Windows' own, as a double, is open meanwhile. */
import assert from "node:assert/strict";
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runDoctor, type Surroundings } from "../../agent/commands/doctor-command.ts";
import { linuxPlatform } from "../../agent/platform/linux.ts";
import type { Platform } from "../../agent/platform/platform.ts";
import { windowsFirewall } from "../../agent/platform/windows/firewall.ts";
import { fetchAuthority } from "../../agent/site/authority.ts";
import { agentVersion } from "../../agent/version.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";
import { firewallRules } from "../fixtures/windows-tools/agent-tools.ts";
import { allTools } from "../fixtures/windows-tools/all.ts";
import { doubleMachine, windowsTools } from "../fixtures/windows-tools/machine.ts";

const machine = doubleMachine({ inPe: false });
const linux = linuxPlatform({ selfCommand: [] });
const platform: Platform = {
  ...linux,
  firewall: windowsFirewall({
    inPe: () => machine.inPe,
    program: "C:\\volley-agent.exe",
    tools: {
      path: (program) => program,
      async run(command) {
        const { exitCode, output } = await windowsTools(machine, allTools()).run({ command });
        return exitCode === 0 ? output : null;
      },
    },
  }),
};

let room: Room;
let site: SiteProcess;
let credential = "";
let state = "";
before(async () => {
  room = await openRoom("doctor and firewall");
  site = await room.startSite();
  const made = await volley(site, "credential", "new", "--uses", "2", "--hours", "1", "--json");
  ({ credential } = JSON.parse(made) as { credential: string });
  state = join(room.folder, "state");
  mkdirSync(state);
});
after(() => room.close());

/** How many rules there are as each check is told, by its name. */
async function rulesAtChecks(): Promise<Map<string, number>> {
  const rules = new Map<string, number>();
  const around: Surroundings = {
    platform,
    identify: async () => ({ name: "pc", agentVersion, ...(await linux.identify()) }),
    readCredential: () => credential,
    trust: () => fetchAuthority({ host: site.address, port: site.port }, site.fingerprint),
    onSecret: () => {},
    write(text) {
      const name = /^\w+\s+(\S+)/.exec(text)?.[1] ?? assert.fail(text);
      rules.set(name, firewallRules(machine).length);
      return Promise.resolve();
    },
    signal: new AbortController().signal,
  };
  const choice = {
    site: { host: site.address, port: site.port },
    fingerprint: site.fingerprint,
    authorityFile: null,
    credentialFile: null,
    stateFolder: state,
    name: null,
    interfaceAddress: null,
  };
  await runDoctor({ ...choice, watchSeconds: null, json: false }, around).catch((error: { code?: string }) =>
    assert.equal(error.code, "E_DOCTOR_FAULT"),
  );
  return rules;
}

test("the firewall is open while it measures, and closed again", async () => {
  const rules = await rulesAtChecks();
  assert.equal(rules.get("connection"), 0);
  assert.equal(rules.get("unicast"), 1);
  assert.equal(firewallRules(machine).length, 0);
});

test("where another agent is at work, the firewall stays as that one has it", async () => {
  const hold = (await linux.hold(`state ${realpathSync(state)}`)) ?? assert.fail("it is held already");
  try {
    await platform.firewall.open();
    const rules = await rulesAtChecks();
    assert.equal(rules.get("unicast"), 1);
    assert.equal(firewallRules(machine).length, 1);
  } finally {
    hold.release();
  }
});
