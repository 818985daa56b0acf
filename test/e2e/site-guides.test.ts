/**
 * What a newcomer types: every command of the guides for the first hour, for operations and for programs, as it stands there, on
 * a new data folder. The guides' folders are the room's here, and their address is given to a host of a network of its own. A
 * block that is neither typed nor named below with the reason why not fails the test.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { Program, waitFor } from "../fixtures/program.ts";
import { openRoom, type Room } from "../fixtures/room.ts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const guideAddress = "192.168.10.2";
const siteLine = `volley site --data /srv/volley --address ${guideAddress}`;

/** By how a block begins. */
const leftOut: Record<string, string> = {
  "scripts/build": "the demo has a test of its own",
  alias: "the two names are programs here",
  "scripts/install-packages": "boot media have tests of their own",
  "volley restore /srv/volley/before-upgrade": "an upgrade has a test of its own",
  "sudo -u postgres createuser": "a site on a server has tests of its own",
  "volley site --data /var/lib/volley": "so has one that takes over",
  '{ "code"': "an answer",
};

testOnNetwork(
  { title: "on a network of hosts: the guides' commands", hostCount: 1, file: import.meta.url },
  ({ hosts: [host] }) => {
    assert.ok(host);
    tests(host);
  },
);

interface Guide {
  text: string;
  blocks: string[];
}

function guide(name: string): Guide {
  const text = readFileSync(join(repository, "docs", "guides", name), "utf8");
  const blocks = [...text.matchAll(/^```\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return { text, blocks };
}

/** In their order, without what is left out. */
const typedBlocks = ({ blocks }: Guide): string[] =>
  blocks.filter((block) => !Object.keys(leftOut).some((beginning) => block.startsWith(beginning)));

function tests(host: Host): void {
  let room: Room;
  let site: Program;
  let fingerprint = "";
  let home = "";
  before(async () => {
    room = await openRoom("site guides");
    home = join(room.folder, "home");
    const programs = join(room.folder, "bin");
    for (const folder of [home, programs, inRoom("/mnt/backup/content"), inRoom("/etc/volley")]) {
      mkdirSync(folder, { recursive: true });
    }
    const name = (program: string, text: string): void =>
      writeFileSync(join(programs, program), `#!/bin/bash\nset -e\n${text}\n`, { mode: 0o755 });
    const [volley, agent] = ["site", "agent"].map((one) => join(repository, "dist", one, "main.js"));
    name("volley", `exec ${process.execPath} ${volley} "$@"`);
    // The newcomer reads the plan, and says yes.
    name(
      "volley-agent",
      `{ until grep -q "to overwrite it" said 2>/dev/null; do sleep 0.5; done; echo yes; } |
        script --quiet --return --flush --command "${process.execPath} ${agent} \${*@Q}" said`,
    );
    // For a test a copy is as good as what copies only what is new.
    name("rsync", 'exec cp "$@"');
    const words = [...host.prefix, "ip", "addr", "add", `${guideAddress}/24`, "dev", "e0"];
    execFileSync(words[0] ?? "", words.slice(1));
  });
  after(async () => {
    await site?.kill();
    await room.close();
  });

  /** A folder that a guide names. */
  const inRoom = (path: string): string => join(room.folder, "of-the-guides", path);
  const translated = (text: string): string =>
    text
      .replaceAll(/\/(srv|mnt|etc\/volley)\b/g, (path) => inRoom(path))
      .replaceAll("FINGERPRINT", fingerprint)
      .replaceAll(/\bNAME\b/g, hostname());

  /** All of it in one shell, which ends at the first command that fails. Answers what it said. */
  async function type(...blocks: string[]): Promise<string> {
    const lines = ["set -euo pipefail", "export VOLLEY_DATA=/srv/volley", ...blocks];
    const words = ["bash", "-c", `cd ${home}\n${translated(lines.join("\n"))}`];
    const path = `${join(room.folder, "bin")}:${process.env["PATH"]}`;
    const program = new Program("the newcomer", [...host.prefix, ...words], { PATH: path });
    const { code } = await program.ended;
    assert.equal(code, 0, `${blocks.join("\n")}\n${program.story()}${site?.story() ?? ""}`);
    return program.output;
  }
  /** What a guide says in a sentence. */
  function inline({ text }: Guide, command: string): string {
    assert.ok(text.includes(`\`${command}\``), `the guide does not say ${command}`);
    return command;
  }

  async function startSite(line: string): Promise<void> {
    const path = `${join(room.folder, "bin")}:${process.env["PATH"]}`;
    site = new Program("site", [...host.prefix, "bash", "-c", `exec ${translated(line)}`], { PATH: path });
    fingerprint = await waitFor(
      () => {
        assert.ok(site.running, site.story());
        return /(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/i.exec(site.output)?.[0] ?? null;
      },
      { what: "the site's fingerprint", timeMs: 180_000, story: () => site.story() },
    );
    await waitFor(
      async () => (await call(["curl", "-sk", `https://${guideAddress}:8443/api/v1/health`])) || null,
      { what: "the site's answer", timeMs: 180_000, everyMs: 500, story: () => site.story() },
    );
  }
  async function call(words: string[]): Promise<string> {
    const program = new Program(words[0] ?? "", [...host.prefix, ...words]);
    await program.ended;
    return program.output;
  }

  test("the first hour", async () => {
    const first = guide("first-hour.md");
    const [start, setting, image, deploy, close, devices, one, collection, ...more] = typedBlocks(first);
    assert.equal(more.length, 0);
    assert.equal(start?.trim(), siteLine);
    await startSite(start);
    assert.match(site.output, /password/i);
    const listed = await type(setting ?? "", image ?? "", inline(first, "volley image verify"));
    assert.match(listed, /lab/);
    const told = await type(
      deploy ?? "",
      inline(first, "volley report NAME"),
      inline(first, "cmp -n 67108864 lab.raw disk.raw"),
      close ?? "",
    );
    assert.match(told, /verified/);
    await type(devices ?? "", one ?? "");
    // The machines of the room have come in the meantime.
    const macs = [1, 2, 3].map((number) => `pc-0${number},52:54:00:00:79:0${number}`);
    writeFileSync(join(home, "devices.csv"), ["name,mac", ...macs, ""].join("\n"));
    await type("volley device import devices.csv", collection ?? "");
  });

  test("programs that speak to a site", async () => {
    const api = guide("api.md");
    const [token, curl, importing, wish, deploy, night, ...more] = typedBlocks(api);
    assert.equal(more.length, 0);
    mkdirSync(inRoom("/srv/volley/import"), { recursive: true });
    execFileSync("cp", [join(home, "lab.raw"), inRoom("/srv/volley/import/lab.raw")]);
    // The first hour has one of that name.
    await type("volley deployment close one", "volley image list");
    const said = await type(token ?? "");
    const secret = /volley_[\w.-]+/.exec(said)?.[0] ?? "";
    assert.notEqual(secret, "", said);
    assert.ok(
      said.toUpperCase().includes(fingerprint.toUpperCase()),
      "what openssl says is what the site said",
    );
    writeFileSync(join(home, "volley.curl"), (curl ?? "").replace("volley_...", secret), { mode: 0o600 });
    const answers = await type(
      (importing ?? "").replace('"name": "lab"', '"name": "lab again"'),
      (wish ?? "").replace('"lab"', '"lab again"'),
      deploy ?? "",
      night ?? "",
    );
    assert.match(answers, /"state": "done"/);
    assert.match(answers, /"confirm": ?"all machines"/);
    assert.match(answers, /"open": true/);
    await type(inline(api, "volley token revoke script"));
  });

  test("operations", async () => {
    const operations = guide("operations.md");
    const [backup, night, restore, onServer, ...more] = typedBlocks(operations);
    assert.equal(more.length, 0);
    assert.match(onServer ?? "", /--database postgres:/);
    writeFileSync(join(inRoom("/etc/volley"), "backup.passphrase"), "eleven green bottles\n");
    const made = await type(backup ?? "");
    assert.match(made, /read back and whole/);
    const [file, today] = /\/mnt\/backup\/site-([\d-]+)\.volley-backup/.exec(made) ?? [];
    assert.ok(file && today, made);
    assert.match(
      await type(inline(operations, "volley restore FILE --verify").replace("FILE", file) + passphrase),
      /whole/,
    );
    // The next night's, under the same day's name here.
    renameSync(inRoom(file), inRoom(`${file}-of-the-day`));
    writeFileSync(join(home, "night"), translated(night ?? ""));
    await type("sh night");
    site.signal("SIGTERM");
    await site.ended;
    renameSync(inRoom("/srv/volley"), inRoom("/srv/volley-before"));
    const lines = (restore ?? "").replaceAll("2026-11-22", today).trimEnd().split("\n");
    const last = lines.pop() ?? "";
    assert.equal(last, siteLine);
    // Verification asks a site that runs, or opens the folder by itself.
    assert.match(await type(...lines), /images are right/);
    const known = fingerprint;
    await startSite(last);
    assert.equal(fingerprint, known, "machines trust it as they did");
  });
}

const passphrase = " --passphrase-file /etc/volley/backup.passphrase";
