/** Packages, network folders, installing, the state store, network adapters. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VolleyError } from "../../../../contract/errors.ts";
import { codes } from "../../../../agent/steps/codes.ts";
import { connectNetworkFolder } from "../../../../agent/steps/connect-network-folder.ts";
import { downloadPackageContent } from "../../../../agent/steps/download-package-content.ts";
import { installApplication } from "../../../../agent/steps/install-application.ts";
import { installPackage } from "../../../../agent/steps/install-package.ts";
import { linuxNetwork } from "../../../../agent/steps/linux/network.ts";
import type { Programs } from "../../../../agent/steps/services.ts";
import { releaseStateStore, requestStateStore } from "../../../../agent/steps/state-store.ts";
import type { Tools } from "../../../../agent/steps/step.ts";
import { hostPath } from "../../../../agent/steps/volumes.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { processTools, testContext } from "../../../fixtures/step-context.ts";
const key = "0123456789abcdef".repeat(4);

test("Download Package Content: variables by number, a path of one's own, going on after a failure", async (t) => {
  const folder = testFolder(t);
  const packages: Record<string, string> = {};
  for (const id of ["PKG00001", "PKG00002"]) {
    packages[id] = join(folder, id);
    mkdirSync(join(folder, id));
    writeFileSync(join(folder, id, "file"), id);
  }
  const perform = async (properties: Record<string, string>) => {
    const context = testContext({ properties, packages, services: { folders: { work: folder } } });
    return { outcome: await downloadPackageContent.perform(context), variables: context.variables };
  };
  const both = { DownloadPackages: "PKG00001,PKG00002", DestinationVariable: "Content" };
  const cache = await perform({ ...both, DestinationLocationType: "CCMCache" });
  assert.equal(cache.outcome.exitCode, 0);
  assert.equal(cache.variables.get("Content02"), packages["PKG00002"]);
  const custom = await perform({
    ...both,
    DestinationLocationType: "Custom",
    DestinationCustomPath: join(folder, "own"),
  });
  assert.equal(readFileSync(join(custom.variables.get("Content01"), "file"), "utf8"), "PKG00001");
  assert.equal(custom.variables.get("Content01"), join(folder, "own", "PKG00001"));
  const some = { ...both, DownloadPackages: "PKG00009,PKG00001" };
  const stops = await perform(some);
  assert.equal(stops.outcome.exitCode, codes.fileNotFound);
  assert.equal(stops.variables.get("Content02"), "");
  const goesOn = await perform({ ...some, ContinueDownloadOnError: "true" });
  assert.equal(goesOn.outcome.exitCode, codes.fileNotFound);
  assert.equal(goesOn.variables.get("Content02"), packages["PKG00001"]);
  assert.equal((await perform({ DownloadPackages: "" })).outcome.exitCode, codes.invalidSetting);
  assert.equal(
    (await perform({ ...both, DestinationLocationType: "Moon" })).outcome.exitCode,
    codes.invalidSetting,
  );
});

test("Connect To Network Folder on Linux: credentials in a file that is gone afterwards", async (t) => {
  const folder = testFolder(t);
  const seen: { command: readonly string[]; credentials: string; mode: number }[] = [];
  const tools: Tools = {
    run({ command }) {
      const file = /credentials=(.*)/.exec(command.at(-1) ?? "")?.[1] ?? "";
      seen.push({ command, credentials: readFileSync(file, "utf8"), mode: statSync(file).mode & 0o777 });
      return Promise.resolve({ exitCode: 0, output: "", timedOut: false });
    },
  };
  const properties = {
    Path: "\\\\server\\share\\sub",
    DriveLetter: "Z:",
    Username: "CORP\\user",
    Password: "pa55",
  };
  const context = testContext({ properties, tools, services: { folders: { work: folder } } });
  assert.equal((await connectNetworkFolder.perform(context)).exitCode, 0);
  assert.deepEqual(seen[0]?.command.slice(0, 3), [
    "mount.cifs",
    "//server/share/sub",
    join(folder, "shares/z"),
  ]);
  assert.equal(seen[0]?.credentials, "username=user\npassword=pa55\ndomain=CORP\n");
  assert.equal(seen[0]?.mode, 0o600);
  assert.deepEqual(readdirSync(folder), ["shares"]);
  assert.equal(await hostPath(context, "Z:\\A\\b.txt"), join(folder, "shares/z/A/b.txt"));
  const injected = testContext({
    properties: { ...properties, Password: "x\nuid=0" },
    tools,
    services: { folders: { work: folder } },
  });
  assert.equal((await connectNetworkFolder.perform(injected)).exitCode, codes.invalidSetting);
});

const programs: Programs = {
  ofPackage: (packageId, program) =>
    program === "None"
      ? Promise.reject(new VolleyError("E_NOT_FOUND", `Package ${packageId} has no program ${program}`))
      : Promise.resolve({
          commandLine: `echo ${packageId} >> $LOG_OF_TEST; exit ${program}`,
          successCodes: [0, 3010 & 0xff],
          workingFolder: "",
        }),
  application: async (name) => {
    if (name === "none") throw new VolleyError("E_NOT_FOUND", "There is no application none");
    return { packageId: "", commandLine: `./${name}`, successCodes: [0, 3010], workingFolder: "" };
  },
};

test("Install Package: one program, a list with a gap, failures", async (t) => {
  const folder = testFolder(t);
  const tools: Tools = {
    run: (run) =>
      processTools.run({ ...run, environment: { ...run.environment, LOG_OF_TEST: join(folder, "log") } }),
  };
  const perform = (properties: Record<string, string>, variables: Record<string, string> = {}) => {
    writeFileSync(join(folder, "log"), "");
    return installPackage.perform(
      testContext({
        system: "linux",
        properties,
        variables,
        tools,
        packages: { PKG00001: folder, PKG00002: folder },
        services: { programs },
      }),
    );
  };
  const log = (): string[] => readFileSync(join(folder, "log"), "utf8").split("\n").filter(Boolean);
  assert.equal((await perform({ PackageID: "PKG00001", ProgramName: "0" })).exitCode, 0);
  assert.equal((await perform({ PackageID: "PKG00001", ProgramName: "5" })).exitCode, 5);
  assert.equal((await perform({ PackageID: "PKG00001", ProgramName: "None" })).exitCode, codes.fileNotFound);
  const list = { XX001: "pkg00001:0", XX002: "PKG00002:7", XX003: "PKG00001:0", XX005: "PKG00002:0" };
  assert.equal((await perform({ BaseVariableName: "XX" }, list)).exitCode, 7);
  assert.deepEqual(log(), ["PKG00001", "PKG00002"]);
  assert.equal((await perform({ BaseVariableName: "XX", ContinueOnInstallError: "true" }, list)).exitCode, 7);
  assert.deepEqual(log(), ["PKG00001", "PKG00002", "PKG00001"]);
  assert.equal((await perform({ BaseVariableName: "YY" })).exitCode, 0);
  assert.equal(
    (await perform({ BaseVariableName: "XX" }, { XX001: "PKG00001" })).exitCode,
    codes.invalidSetting,
  );
  assert.equal((await perform({})).exitCode, codes.invalidSetting);
});

test("Install Application: a list, a restart, trying again, the outcome in _TSAppInstallStatus", async () => {
  const statuses = new Map<string, number[]>();
  const calls: string[] = [];
  const tools: Tools = {
    run({ environment }) {
      const name = environment?.["VOLLEY_COMMAND_LINE"]?.slice(2) ?? "";
      calls.push(name);
      return Promise.resolve({ exitCode: statuses.get(name)?.shift() ?? 0, output: "", timedOut: false });
    },
  };
  const perform = async (properties: Record<string, string>, variables: Record<string, string> = {}) => {
    calls.length = 0;
    const context = testContext({ system: "linux", properties, variables, tools, services: { programs } });
    const outcome = await installApplication.perform(context);
    return { exitCode: outcome.exitCode, status: context.variables.get("_TSAppInstallStatus") };
  };
  assert.deepEqual(await perform({ NumApps: "2", AppInfo0Name: "a", AppInfo1Name: "b" }), {
    exitCode: 0,
    status: "Success",
  });
  assert.deepEqual(calls, ["a", "b"]);
  statuses.set("a", [3010]);
  assert.equal((await perform({ ApplicationName: "a,b" })).exitCode, 3010);
  statuses.set("a", [1, 0]);
  const retry = { OSDAppInstallRetries: "1", OSDAppInstallRetryTimeout: "0" };
  assert.equal((await perform({ BaseVariableName: "XX" }, { XX01: "a", ...retry })).exitCode, 0);
  assert.deepEqual(calls, ["a", "a"]);
  statuses.set("a", [1]);
  assert.deepEqual(await perform({ ApplicationName: "a,b" }), { exitCode: 1, status: "Error" });
  assert.deepEqual(calls, ["a"]);
  statuses.set("a", [1]);
  assert.equal((await perform({ ApplicationName: "a,b", ContinueOnInstallError: "true" })).exitCode, 1);
  assert.deepEqual(calls, ["a", "b"]);
  // "Attempted ONLY when 'Install Next Application on Failure' option is not selected."
  statuses.set("a", [1]);
  assert.equal(
    (await perform({ ApplicationName: "a,b", ContinueOnInstallError: "true" }, retry)).exitCode,
    1,
  );
  assert.deepEqual(calls, ["a", "b"]);
  // "If the value of a variable contains any information other than the name …, the task sequence continues."
  assert.equal((await perform({ BaseVariableName: "XX" }, { XX01: "none", XX02: "b" })).exitCode, 0);
  assert.deepEqual(calls, ["b"]);
  assert.equal((await perform({ ApplicationName: "none" })).exitCode, codes.fileNotFound);
});

test("Install Application: the time between tries is in milliseconds, and _SMSTSAppInstallNeedsRetry says that there is one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const rows: [Record<string, string>, number][] = [
    [{}, 30_000],
    [{ OSDAppInstallRetryTimeout: "45000" }, 45_000],
  ];
  for (const [given, waitMs] of rows) {
    let tries = 0;
    const tools: Tools = {
      run: async () => ({ exitCode: (tries += 1) < 3 ? 1 : 0, output: "", timedOut: false }),
    };
    const context = testContext({
      system: "linux",
      properties: { ApplicationName: "a" },
      variables: { OSDAppInstallRetries: "2", ...given },
      tools,
      services: { programs },
    });
    const installed = installApplication.perform(context);
    for (const expected of [1, 2, 3]) {
      while (tries < expected) await new Promise<void>((done) => void setImmediate(done));
      await new Promise<void>((done) => void setImmediate(done));
      assert.equal(context.variables.get("_SMSTSAppInstallNeedsRetry"), String(expected < 3));
      t.mock.timers.tick(waitMs - 1);
      await new Promise<void>((done) => void setImmediate(done));
      assert.equal(tries, expected, "not yet");
      t.mock.timers.tick(1);
    }
    assert.equal((await installed).exitCode, 0);
  }
});

test("Request and Release State Store: retries, the hidden key", async () => {
  let failures = 2;
  const released: string[] = [];
  const stateStore = {
    request: (purpose: "capture" | "restore") => {
      failures -= 1;
      return failures >= 0
        ? Promise.reject(new VolleyError("E_SITE_UNREACHABLE", "no answer"))
        : Promise.resolve({ path: `/store/${purpose}`, key });
    },
    release: (path: string) => Promise.resolve(void released.push(path)),
  };
  const context = testContext({
    properties: { RequestType: "Capture", SMPRetryCount: "2" },
    services: { stateStore },
  });
  assert.equal((await requestStateStore.perform(context)).exitCode, 0);
  assert.equal(context.variables.get("OSDStateStorePath"), "/store/capture");
  assert.ok(context.hidden.has("_volleystatestorekey"));
  assert.ok(!context.lines.join("\n").includes(key));
  failures = 2;
  const tooFew = testContext({
    properties: { RequestType: "restore", SMPRetryCount: "1" },
    services: { stateStore },
  });
  assert.equal((await requestStateStore.perform(tooFew)).exitCode, codes.failed);
  failures = 0;
  const byAction = testContext({ step: { action: "osdsmpclient.exe /restore" }, services: { stateStore } });
  assert.equal((await requestStateStore.perform(byAction)).exitCode, 0);
  const release = { ...context, system: "windows" } as const;
  assert.equal((await releaseStateStore.perform(release)).exitCode, 0);
  assert.deepEqual(released, ["/store/capture"]);
  assert.equal(context.variables.get("_VolleyStateStoreKey"), "");
});

test("this Linux's network adapters", async (t) => {
  const resolver = join(testFolder(t), "resolv.conf");
  writeFileSync(resolver, "search example.org other\nnameserver 192.0.2.53\nnameserver 2001:db8::1\n");
  const answers: Record<string, unknown> = {
    address: [
      { ifname: "lo", link_type: "loopback", addr_info: [] },
      {
        ifname: "eth0",
        link_type: "ether",
        address: "00:15:5d:00:00:01",
        addr_info: [{ family: "inet", local: "192.0.2.7", prefixlen: 25 }],
      },
      {
        ifname: "eth1",
        link_type: "ether",
        address: "00:15:5d:00:00:02",
        addr_info: [{ family: "inet", local: "198.51.100.7", prefixlen: 24, dynamic: true }],
      },
    ],
    route: [{ dst: "default", dev: "eth0", gateway: "192.0.2.1" }],
  };
  const tools: Tools = {
    run: ({ command }) =>
      Promise.resolve({ exitCode: 0, output: JSON.stringify(answers[command[3] ?? ""]), timedOut: false }),
  };
  const adapters = await linuxNetwork(tools, resolver).adapters();
  assert.deepEqual(adapters, [
    {
      name: "eth0",
      macAddress: "00:15:5d:00:00:01",
      dhcp: false,
      addresses: [{ address: "192.0.2.7", mask: "255.255.255.128" }],
      gateways: ["192.0.2.1"],
      dnsServers: ["192.0.2.53"],
      dnsDomain: "example.org",
    },
    {
      name: "eth1",
      macAddress: "00:15:5d:00:00:02",
      dhcp: true,
      addresses: [{ address: "198.51.100.7", mask: "255.255.255.0" }],
      gateways: [],
      dnsServers: [],
      dnsDomain: "example.org",
    },
  ]);
});
