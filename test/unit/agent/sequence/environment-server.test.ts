/** What a script inside a step gets, and who else gets nothing. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { askForVariables, parseEnvCommand } from "../../../../agent/commands/env-command.ts";
import { startEnvironmentServer } from "../../../../agent/sequence/environment-server.ts";
import { SequenceEnvironment } from "../../../../agent/sequence/environment.ts";
import { sequenceLimits } from "../../../../agent/sequence/limits.ts";
import { testFolder } from "../../../fixtures/folder.ts";

async function open(context: TestContext) {
  const path = join(testFolder(context), "socket");
  const variables = new SequenceEnvironment({ processVariables: {}, onHidden: () => {} });
  const server = await startEnvironmentServer(path);
  context.after(() => server.close());
  server.serve(
    variables.forStep([{ name: "Own", property: "Own", value: "of the step", hidden: false, line: 1 }]),
  );
  const call = (words: string[], input = "", environment: Record<string, string> = server.variables) =>
    askForVariables(parseEnvCommand(words), environment, async () => input);
  return { path, variables, server, call };
}

test("get, set and list, with the variables of the step", async (context) => {
  const { call, variables } = await open(context);
  assert.equal(await call(["set", "MyVar", "a\nvalue"]), "");
  assert.equal(variables.get("myvar"), "a\nvalue");
  assert.equal(await call(["get", "MYVAR"]), "a\nvalue\n");
  assert.equal(await call(["get", "own"]), "of the step\n");
  assert.equal(await call(["get", "nothing"]), "\n");
  assert.equal(await call(["set", "Secret", "--hidden"], "from input\n"), "");
  assert.equal(variables.isHidden("Secret"), true);
  assert.equal(await call(["list"]), "MyVar\nOwn\nSecret\n");
  assert.equal(await call(["set", "MyVar", ""]), "");
  assert.equal(await call(["list"]), "Own\nSecret\n");
});

test("what may not be set is refused with the engine's words", async (context) => {
  const { call } = await open(context);
  await assert.rejects(call(["set", "_SMSTSInWinPE", "true"]), { code: "E_VARIABLE" });
  await assert.rejects(call(["set", "two words", "x"]), { code: "E_VARIABLE" });
  await assert.rejects(call(["set", "Long", "x".repeat(4001)]), { code: "E_VARIABLE" });
});

test("without the step's token, between steps and outside of them there is nothing", async (context) => {
  const { call, server } = await open(context);
  const forged = { ...server.variables, VOLLEY_SEQUENCE_TOKEN: "0".repeat(64) };
  await assert.rejects(call(["get", "own"], "", forged), { code: "E_FORBIDDEN" });
  await assert.rejects(call(["get", "own"], "", {}), { code: "E_NOT_FOUND" });
  server.serve(null);
  await assert.rejects(call(["get", "own"]), { code: "E_NOT_FOUND" });
  await server.close();
  await assert.rejects(call(["get", "own"]), { code: "E_NOT_FOUND" });
});

/** What the server answers to those bytes until it hangs up. */
function send(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = "";
    socket.on("data", (piece) => (answer += piece.toString("utf8")));
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

test("what is no request is refused, and what is too long is dropped", async (context) => {
  const { call, path, server } = await open(context);
  const token = server.variables["VOLLEY_SEQUENCE_TOKEN"];
  assert.match(await send(path, "hello\n"), /E_REQUEST_INVALID/);
  assert.match(await send(path, "null\n"), /E_FORBIDDEN/);
  assert.match(await send(path, `${JSON.stringify({ token, do: "fly" })}\n`), /E_REQUEST_INVALID/);
  assert.match(await send(path, `${JSON.stringify({ token, do: "get", name: 5 })}\n`), /E_REQUEST_INVALID/);
  assert.equal(await send(path, "x".repeat(sequenceLimits.environmentRequestBytes + 10)), "");
  const many = Array.from({ length: 100 }, () => call(["get", "own"]).catch(() => "refused"));
  assert.ok((await Promise.all(many)).includes("of the step\n"));
  assert.equal(await call(["get", "own"]), "of the step\n");
});

test("words of `env` that are none", () => {
  for (const words of [
    [],
    ["get"],
    ["get", "a", "b"],
    ["set"],
    ["set", "a", "b", "c"],
    ["list", "a"],
    ["fly", "a"],
  ]) {
    assert.throws(() => parseEnvCommand(words), { code: "E_USAGE" }, words.join(" "));
  }
});
