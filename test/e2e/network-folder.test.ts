/**
 * Connect To Network Folder in a Linux PE, against a real SMB server: Samba on the site's network. The kernel of the PE has
 * the file system for it, this machine's may not. Minutes, so only at the level `e2e`; takes root.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DeployedRoom } from "../fixtures/deployed-room.ts";
import { Program, waitFor } from "../fixtures/program.ts";
import { commandStep, sequenceText, settingStep, step, variable } from "../fixtures/sequence-text.ts";

const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";
const password = "Pass, wörd 7";

let room: DeployedRoom;
let server: Program;
let share = "";

before(async () => {
  if (!wanted) return;
  room = await DeployedRoom.open("network folder");
  share = join(room.folder, "share");
  mkdirSync(join(share, "Tools"), { recursive: true });
  writeFileSync(join(share, "Tools", "greeting.txt"), "kept on a share\n");
  chmodSync(room.folder, 0o755);
  server = await startSamba();
});
after(async () => {
  if (!wanted) return;
  await server?.kill();
  await room?.close();
});

/** One share "Packages", of which the account "nobody" has the password. */
async function startSamba(): Promise<Program> {
  const folder = join(room.folder, "samba");
  mkdirSync(folder);
  const places = ["private dir", "lock directory", "state directory", "cache directory", "pid directory"];
  const file = join(folder, "smb.conf");
  const lines = [
    [
      "[global]",
      "interfaces = bridge",
      "bind interfaces only = yes",
      "disable netbios = yes",
      "smb ports = 445",
    ],
    [
      "disable spoolss = yes",
      "load printers = no",
      `log file = ${folder}/log`,
      `ncalrpc dir = ${folder}/rpc`,
    ],
    places.map((name) => `${name} = ${folder}`),
    ["[Packages]", `path = ${share}`, "valid users = nobody", "force user = root", "read only = no"],
  ];
  writeFileSync(file, `${lines.flat().join("\n")}\n`);
  const [first = "", ...prefix] = room.network.prefix;
  execFileSync(first, [...prefix, "smbpasswd", "-c", file, "-a", "-s", "nobody"], {
    input: `${password}\n${password}\n`,
  });
  const words = ["smbd", "--foreground", "--no-process-group", "--debug-stdout", `--configfile=${file}`];
  const started = new Program("Samba", [...room.network.prefix, ...words]);
  await waitFor(isListening, { what: "Samba", story: () => started.story() });
  return started;
}

function isListening(): boolean {
  const [first = "", ...prefix] = room.network.prefix;
  return execFileSync(first, [...prefix, "ss", "-Hltn", "sport = :445"], { encoding: "utf8" }) !== "";
}

/** The password is a variable, since exports have none. */
const connect = (name: string, attributes = ""): string =>
  step(
    "ConnectNetworkFolder",
    name,
    variable("SMSConnectNetworkFolderPath", `\\\\${room.network.address}\\Packages\\Tools`) +
      variable("SMSConnectNetworkFolderDriveLetter", "Z:") +
      variable("SMSConnectNetworkFolderAccount", "LAB\\nobody"),
    attributes,
  );

test(
  "a share is read and written in the PE; a wrong password fails the step, and is nowhere",
  { skip },
  async () => {
    const text = sequenceText(
      settingStep("SMSConnectNetworkFolderPassword", "not the password", true),
      connect("Wrong", 'continueOnError="true"'),
      settingStep("SMSConnectNetworkFolderPassword", password, true),
      connect("Connect"),
      commandStep("Read", 'cat "%_VolleyShareZ%/greeting.txt"'),
      commandStep("Write", 'echo "from the PE" >"%_VolleyShareZ%/answer.txt"'),
    );
    await room.deploySequence("shares", text);
    const computer = room.computer({ number: 1, firmware: "bios", diskMebibytes: 64 });
    computer.turnOn();
    await room.waitForState(computer, "succeeded");
    const statuses = await room.statuses("shares", computer);
    const outcomes = statuses.map(({ action, messageId }) => `${messageId} ${action}`);
    assert.ok(outcomes.includes("11135 Wrong") && outcomes.includes("11134 Connect"), outcomes.join("\n"));
    assert.equal(statuses.find(({ action }) => action === "Read")?.output, "kept on a share\n");
    assert.equal(readFileSync(join(share, "Tools", "answer.txt"), "utf8"), "from the PE\n");
    for (const secret of [password, "not the password"]) {
      assert.ok(!computer.story().includes(secret) && !JSON.stringify(statuses).includes(secret), secret);
    }
  },
);
