/** Where a site is kept: what the command line, the environment and the data folder say of its database. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VolleyError } from "../../../../contract/errors.ts";
import type { CommandCall } from "../../../../site/commands/command.ts";
import { placeOf, settlePlace } from "../../../../site/commands/database.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const url = "postgres://volley@db.example/volley";
const call = (
  dataFolder: string,
  values: CommandCall["values"],
  environment: NodeJS.ProcessEnv = {},
): CommandCall => ({ positionals: [], values, json: false, dataFolder, environment });

test("a folder without a word of a server has a database of its own", (context) => {
  const folder = testFolder(context);
  const own = { dataFolder: folder, sharedFolder: folder, databaseServer: null };
  assert.deepEqual(settlePlace(call(folder, {})), own);
  assert.deepEqual(placeOf(folder, {}), own);
  assert.throws(() => settlePlace(call(folder, { shared: "/x" })), /E_USAGE/);
});

test("a folder keeps its server, but no password", (context) => {
  const folder = testFolder(context);
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, "hidden\nnot this\n");
  const values = { database: url, "database-password": passwordFile, shared: "/srv/shared" };
  const server = { url, password: "hidden" };
  const place = { dataFolder: folder, sharedFolder: "/srv/shared", databaseServer: server };
  assert.deepEqual(settlePlace(call(folder, values)), place);
  assert.deepEqual(settlePlace(call(folder, {})), place, "at its next start it needs no options");
  assert.deepEqual(placeOf(folder, {}), place, "nor does any other command");
  assert.ok(!readFileSync(join(folder, "server.json"), "utf8").includes("hidden"));
});

test("the environment names server and password too", (context) => {
  const folder = testFolder(context);
  const environment = { VOLLEY_DATABASE: url, VOLLEY_DATABASE_PASSWORD: "hidden" };
  assert.deepEqual(settlePlace(call(folder, {}, environment)).databaseServer, { url, password: "hidden" });
  assert.equal(placeOf(folder, {}).databaseServer?.password, null, "else the driver looks for it");
});

test("a password in the URL, or what is no such URL, is refused and not repeated", (context) => {
  const folder = testFolder(context);
  const wrong = [
    "postgres://volley:hidden@db.example/volley",
    "postgres://volley@db.example/volley?password=hidden",
    "mysql://hidden@db.example/volley",
    "hidden",
  ];
  for (const database of wrong) {
    assert.throws(
      () => settlePlace(call(folder, { database })),
      (error) => error instanceof VolleyError && error.code === "E_USAGE" && !/hidden/.test(String(error)),
    );
  }
  assert.throws(
    () => settlePlace(call(folder, { database: url, "database-password": join(folder, "none") })),
    /E_USAGE/,
  );
});

test("a folder that has a database of its own is not turned into another site", (context) => {
  const folder = testFolder(context);
  mkdirSync(join(folder, "database"));
  assert.throws(() => settlePlace(call(folder, { database: url })), /E_CONFLICT/);
  assert.equal(placeOf(folder, {}).databaseServer, null);
  const other = testFolder(context);
  assert.throws(() => settlePlace(call(other, { database: url, shared: folder })), /E_CONFLICT/);
  assert.equal(placeOf(other, {}).databaseServer, null, "nothing of it is kept");
});
