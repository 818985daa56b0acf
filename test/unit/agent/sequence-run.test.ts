/** `volley-agent sequence run` in processes of its own: from the file to the exit code, with the real steps. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { testFolder } from "../../fixtures/folder.ts";
import { waitFor } from "../../fixtures/program.ts";
import { commandStep, sequenceText, settingStep, variable } from "../../fixtures/sequence-text.ts";

const program = fileURLToPath(new URL("../../../agent/main.js", import.meta.url));
const env = `"${process.execPath}" "${program}" env`;

interface Ended {
  code: number | null;
  out: string;
  errors: string;
}

function start(words: readonly string[], input = "") {
  const child = spawn(process.execPath, [program, "sequence", "run", ...words]);
  let [out, errors] = ["", ""];
  child.stdout.on("data", (piece) => (out += String(piece)));
  child.stderr.on("data", (piece) => (errors += String(piece)));
  child.stdin.end(input);
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code) => resolve({ code, out, errors })),
  );
  return { child, ended };
}
const run = (words: readonly string[], input?: string): Promise<Ended> => start(words, input).ended;

function prepare(context: TestContext, ...steps: string[]) {
  const folder = testFolder(context);
  const file = join(folder, "test.xml");
  writeFileSync(file, sequenceText(...steps));
  return { folder, file, state: join(folder, "state") };
}

function everythingIn(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
}

test("variables, scripts, a restart, and on from there; what is hidden is nowhere", async (context) => {
  const place = prepare(
    context,
    settingStep("Secret", "hunter2", true),
    commandStep(
      "Script",
      `${env} set FromScript "%Secret% and more" && ${env} get FromScript; pwd > %Target%/one`,
    ),
    commandStep("Restart", "echo '%FromScript%'; exit 3010"),
    commandStep("After", "echo %_SMSTSLastActionName% %_SMSTSLastActionRetCode% > %Target%/two"),
  );
  const words = [place.file, "--state", place.state, "--set", `Target=${place.folder}`];
  const first = await run(words);
  assert.equal(first.code, 194, first.out + first.errors);
  assert.ok(existsSync(join(place.folder, "one")) && !existsSync(join(place.folder, "two")));
  const said = first.out + first.errors + everythingIn(place.state);
  assert.ok(!said.includes("hunter2"), "the hidden value came up");
  assert.match(said, /Command line: echo '\[redacted\]/);
  const second = await run([...words, "--json"]);
  assert.equal(second.code, 0, second.errors);
  assert.equal(readFileSync(join(place.folder, "two"), "utf8"), "Restart 3010\n");
  const { outcomes, result } = JSON.parse(second.out) as { result: string; outcomes: { exitCode: number }[] };
  assert.equal(result, "succeeded");
  assert.deepEqual(
    outcomes.map(({ exitCode }) => exitCode),
    [0, 0, 3010, 0],
  );
  assert.ok(!existsSync(join(place.state, "sequence-checkpoint.json")));
});

test("a changed file is not resumed, and nothing of it runs", async (context) => {
  const place = prepare(context, commandStep("Restart", "exit 3010"), commandStep("After", "true"));
  assert.equal((await run([place.file, "--state", place.state])).code, 194);
  writeFileSync(
    place.file,
    readFileSync(place.file, "utf8").replace(">true<", `>touch ${place.folder}/ran<`),
  );
  const refused = await run([place.file, "--state", place.state]);
  assert.equal(refused.code, 65);
  assert.match(refused.errors, /E_SEQUENCE_CHANGED/);
  assert.ok(!existsSync(join(place.folder, "ran")));
});

test("a failure says step, code, meaning and remedy, runs SMSTSPostAction, and ends with 1", async (context) => {
  const place = prepare(
    context,
    commandStep("Too slow", "setsid sleep 66 & sleep 66", "", 'timeout="1" continueOnError="true"'),
    commandStep("Fails", "echo reason >&2; exit 2"),
    commandStep("Never", "true"),
  );
  const action = `--set=SMSTSPostAction=echo %_SMSTSLastActionName% > ${place.folder}/post`;
  const { code, errors, out } = await run([place.file, "--state", place.state, action]);
  assert.equal(code, 1);
  assert.match(errors, /^E_SEQUENCE_FAILED: "Fails" ended with 0x00000002/);
  assert.match(
    out,
    /Task sequence failed at: Fails\n {2}Code 0x00000002 \(2\): The system cannot find the file/,
  );
  assert.match(out, /800705B4/);
  const log = readFileSync(join(place.state, "logs/smsts.log"), "utf8");
  assert.match(log, /Task Sequence Engine failed! Code: enExecutionFail/);
  assert.match(log, /Output of Fails:\nreason/);
  const post = join(place.folder, "post");
  const isDone = (): boolean => existsSync(post) && readFileSync(post, "utf8") === "Fails\n";
  await waitFor(isDone, { what: "post action's file" });
});

test("a dry run shows the plan and touches nothing", async (context) => {
  const place = prepare(context, commandStep("Writes", `touch %Target%/ran`), settingStep("A", "1"));
  const words = [place.file, "--state", place.state, "--set", `Target=${place.folder}`, "--dry-run"];
  const text = await run(words);
  assert.equal(text.code, 0, text.errors);
  assert.match(text.out, /^0 {2}Writes \(1 of 2\) {2}RunCommandLineAction\n1 {2}Set A \(2 of 2\)/);
  const json = JSON.parse((await run([...words, "--json"])).out) as {
    steps: number;
    instructions: unknown[];
  };
  assert.deepEqual([json.steps, json.instructions.length], [2, 2]);
  assert.deepEqual(readdirSync(place.folder), ["test.xml"]);
});

test("a sequence with a variable that cannot be set runs without it, and says so by line", async (context) => {
  const place = prepare(
    context,
    '<globalVarList><variable name="OS Version" property="OS Version">11</variable></globalVarList>',
    commandStep("Runs", "touch %Target%/ran"),
  );
  const words = [place.file, "--state", place.state, "--set", `Target=${place.folder}`];
  const dry = await run([...words, "--dry-run"]);
  assert.equal(dry.code, 0, dry.errors);
  const { code, errors, out } = await run(words);
  assert.equal(code, 0, errors);
  assert.match(out + errors, /Line \d+: A variable of the sequence is left out: "OS Version" is no variable/);
  assert.ok(existsSync(join(place.folder, "ran")));
});

test("a step's programs find the agent's folder behind the system's own", async (context) => {
  const place = prepare(context, commandStep("Path", 'echo "$PATH" > %Target%/path'));
  const { code, errors } = await run([place.file, "--state", place.state, `--set=Target=${place.folder}`]);
  assert.equal(code, 0, errors);
  const path = readFileSync(join(place.folder, "path"), "utf8").trimEnd();
  assert.equal(path, `${process.env["PATH"]}:${dirname(process.execPath)}`);
});

test("killed in a step and started again, the step's old program is gone and the run ends as it should", async (context) => {
  const line = "echo begun >> %Target%/log; setsid sleep 55 & sleep 55";
  const place = prepare(
    context,
    commandStep("Long", `test -e %Target%/log && exit 0; ${line}`),
    commandStep("End", "true"),
  );
  const words = [place.file, "--state", place.state, "--set", `Target=${place.folder}`];
  const first = start(words);
  await waitFor(() => sleepers() === 2, { what: "step's programs" });
  first.child.kill("SIGKILL");
  await first.ended;
  assert.ok(sleepers() > 0, "the step's program had ended with the agent");
  const second = await run(words);
  assert.equal(second.code, 0, second.out + second.errors);
  assert.equal(readFileSync(join(place.folder, "log"), "utf8"), "begun\n");
  assert.equal(sleepers(), 0);
});

function sleepers(): number {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "latin1") === ["sleep", "55", ""].join("\0");
      } catch {
        return false;
      }
    }).length;
}

test("TSDebugMode opens the debugger; quitting leaves the run to be taken up", async (context) => {
  const place = prepare(
    context,
    commandStep("One", "touch %Target%/one"),
    commandStep("Two", "touch %Target%/two"),
  );
  const words = [place.file, "--state", place.state, "--set", `Target=${place.folder}`];
  const stopped = await run([...words, "--set", "TSDebugMode=true"], "variables target\nstep\nquit\n");
  assert.equal(stopped.code, 130, stopped.out + stopped.errors);
  assert.ok(stopped.out.includes(`Target = ${place.folder}`));
  assert.ok(existsSync(join(place.folder, "one")) && !existsSync(join(place.folder, "two")));
  const rest = await run([...words], "run\n");
  assert.equal(rest.code, 0, rest.errors);
  assert.ok(existsSync(join(place.folder, "two")));
});

test("TSDisableProgressUI shows no step, from where it is set on", async (context) => {
  const place = prepare(
    context,
    commandStep("Seen", "true"),
    settingStep("TSDisableProgressUI", "TRUE"),
    commandStep("Unseen", "true"),
  );
  const { code, errors, out } = await run([place.file, "--state", place.state]);
  assert.equal(code, 0, out + errors);
  assert.match(out + errors, /1 of 3 {2}Seen/);
  assert.doesNotMatch(out + errors, /of 3 {2}Unseen/);
});

test("TSDebugOnError opens the debugger when a step has failed", async (context) => {
  const place = prepare(context, commandStep("Bad", "exit 7"), commandStep("Two", "touch %Target%/two"));
  const words = [place.file, "--state", place.state, "--set", `Target=${place.folder}`];
  const debug = ["--set", "TSDebugOnError=TRUE"];
  const ignored = await run([...words, ...debug], "set-current Two\nrun\n");
  assert.equal(ignored.code, 0, ignored.out + ignored.errors);
  assert.match(ignored.out, /Bad has failed: 0x00000007/);
  assert.ok(existsSync(join(place.folder, "two")));
  const failed = await run([...words, ...debug]);
  assert.match(failed.errors, /E_SEQUENCE_FAILED.*Bad/);
  assert.ok(!(await run(words)).out.includes("has failed: 0x"));
});

test("a child sequence from a file beside it runs with the same variables", async (context) => {
  const reference =
    '<subtasksequence type="SMS_TaskSequence_SubTasksequence" name="Child" description=""><action>x</action>' +
    `<defaultVarList>${variable("TsName", "Child")}${variable("TsPackageID", "ABC00001")}</defaultVarList></subtasksequence>`;
  const place = prepare(
    context,
    settingStep("A", "given"),
    reference,
    commandStep("After", "test %B% = back"),
  );
  const inner = [commandStep("Inner", "test %A% = given"), settingStep("B", "back")];
  const missing = await run([place.file, "--state", place.state]);
  assert.match(missing.errors, /E_NOT_FOUND.*ABC00001/);
  writeFileSync(join(place.folder, "ABC00001.xml"), sequenceText(...inner));
  mkdirSync(place.state);
  const { code, errors, out } = await run([place.file, "--state", place.state]);
  assert.equal(code, 0, out + errors);
});
