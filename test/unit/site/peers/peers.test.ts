/** What one process of a site passes on to another: whole, as it comes, to the right one, and from nobody else. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { Agent, request, type RequestOptions } from "node:https";
import { test, type TestContext } from "node:test";
import { connect } from "node:tls";
import { ErrorAnswer } from "../../../../contract/common.ts";
import { openAuthority, type Authority } from "../../../../site/authority/authority.ts";
import { newPointKeys, type CertifiedKey } from "../../../../site/authority/certificates.ts";
import { Doors } from "../../../../site/doors.ts";
import { passedOnFor } from "../../../../site/passed-on.ts";
import { Forwarder } from "../../../../site/peers/forwarder.ts";
import { openPeerDoor } from "../../../../site/peers/peer-door.ts";
import type { PeerLocation } from "../../../../site/store/holder-location.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { waitFor } from "../../../fixtures/program.ts";

const address = "127.0.0.1";
const mebibyte = Buffer.alloc(2 ** 20, "volley ");

interface Following {
  authority: Authority;
  forwarder: Forwarder;
  doors: Doors;
  /** A process that serves with that handler. */
  serve: (handler: RequestListener) => Promise<PeerLocation>;
  ask: (options?: RequestOptions) => ReturnType<typeof request>;
}

async function following(context: TestContext): Promise<Following> {
  const authority = await openAuthority(testFolder(context));
  const certificate = await authority.serverCertificate([address], "ec");
  const doors = new Doors({ port: 0, certificate, ownCertificate: () => null });
  const identity = await authority.peerCertificate();
  const forwarder = new Forwarder({ authority: authority.certificate, identity });
  await doors.listen([address]);
  doors.serve(forwarder.handle);
  const agent = new Agent({ ca: authority.certificate });
  context.after(() => {
    agent.destroy();
    doors.close();
    forwarder.close();
  });
  return {
    authority,
    doors,
    forwarder,
    serve: async (handler) => {
      const door = await openPeerDoor({ address, port: 0, authority, handler });
      context.after(() => door.close());
      return door.location;
    },
    ask: (options = {}) => request({ host: address, port: doors.port, agent, ...options }),
  };
}

async function answerOf(
  sent: ReturnType<typeof request>,
): Promise<{ answer: IncomingMessage; text: string }> {
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return { answer, text: await textOf(answer) };
}

async function textOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

async function isChanging(sent: ReturnType<typeof request>): Promise<void> {
  const { answer, text } = await answerOf(sent);
  assert.equal(answer.statusCode, 503, text);
  assert.match(answer.headers["retry-after"] ?? "", /^[1-9]/);
  assert.equal(ErrorAnswer.parse(JSON.parse(text)).code, "E_SITE_CHANGING");
}

test("a request and its answer go through whole, with the address of who asks", async (context) => {
  const { ask, forwarder, serve } = await following(context);
  const seen: unknown[] = [];
  forwarder.aim(
    await serve((asked, response) => {
      void textOf(asked).then((body) => {
        const { authorization, host, connection } = asked.headers;
        const said = { method: asked.method, url: asked.url, body, authorization, host };
        seen.push({ ...said, client: passedOnFor(asked), named: Object.keys(asked.headers), connection });
        response.writeHead(418, { "set-cookie": ["one=1", "two=2"], "content-type": "text/odd" });
        response.end("answer");
      });
    }),
  );
  for (const [method, length] of [
    ["POST", true],
    ["PUT", false],
    ["DELETE", false],
    ["GET", true],
  ] as const) {
    const body = method === "GET" ? "" : `body of ${method}`;
    const framing = length ? { "content-length": body.length } : { "transfer-encoding": "chunked" };
    const headers = { authorization: "Bearer x", host: "127.0.0.1:8443", ...framing, te: "trailers" };
    const sent = ask({ method, path: "/a%20b?c=d", headers });
    sent.end(body);
    const { answer, text } = await answerOf(sent);
    assert.deepEqual([answer.statusCode, text], [418, "answer"]);
    assert.deepEqual(answer.headers["set-cookie"], ["one=1", "two=2"]);
    const { named, connection, ...said } = seen.pop() as Record<string, unknown>;
    assert.deepEqual(said, {
      method,
      url: "/a%20b?c=d",
      body,
      authorization: "Bearer x",
      host: "127.0.0.1:8443",
      client: address,
    });
    assert.ok(!(named as string[]).some((name) => name === "te" || name === "x-volley-client"));
    assert.notEqual(connection, "close");
  }
});

test("a body is no request of its own, whatever the request says of its head", async (context) => {
  const { authority, doors, forwarder, serve } = await following(context);
  const seen: string[] = [];
  forwarder.aim(
    await serve((asked, response) => {
      void textOf(asked).then((body) => {
        seen.push(`${asked.method} ${asked.url} for ${passedOnFor(asked)}: ${body.length}`);
        response.end();
      });
    }),
  );
  const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\nx-volley-client: 192.0.2.66\r\n\r\n";
  const heads = [
    `GET /one HTTP/1.1\r\nHost: x\r\nConnection: content-length\r\nContent-Length: ${hidden.length}\r\n`,
    `DELETE /two HTTP/1.1\r\nHost: x\r\nConnection: close, Content-Length\r\nContent-Length: ${hidden.length}\r\n`,
  ];
  const say = async (text: string): Promise<string> => {
    const socket = connect({ host: address, port: doors.port, ca: authority.certificate });
    socket.setEncoding("latin1");
    let heard = "";
    socket.on("data", (part: string) => (heard += part)).on("error", () => undefined);
    socket.write(text, "latin1");
    await waitFor(async () => /^HTTP\/1.1 \d+[^]*\r\n\r\n/.test(heard), {
      what: "answer",
      story: () => heard,
    });
    socket.destroy();
    return heard;
  };
  for (const head of heads) assert.match(await say(`${head}\r\n${hidden}`), /^HTTP\/1.1 200/);
  assert.deepEqual(seen.splice(0), [
    `GET /one for ${address}: ${hidden.length}`,
    `DELETE /two for ${address}: ${hidden.length}`,
  ]);
  // Bytes that no head may have end a request, not the process.
  for (const odd of ["/\x7f", "/\xff\xfe", '/"<>`']) {
    assert.match(
      await say(`GET ${odd} HTTP/1.1\r\nHost: x\r\nX-Odd: a\x7fb\xff\r\n\r\n`),
      /^HTTP\/1.1 (200|400)/,
    );
  }
  assert.ok(!seen.some((one) => one.includes("hidden") || one.includes("192.0.2.66")), seen.join(" "));
});

test("an answer comes as it is said, and who leaves is not spoken to any more", async (context) => {
  const { ask, forwarder, serve } = await following(context);
  let left = false;
  let say: (text: string) => void = () => undefined;
  forwarder.aim(
    await serve((_asked, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.on("close", () => (left = true));
      say = (text) => response.write(text);
      response.flushHeaders();
    }),
  );
  const sent = ask();
  sent.on("error", () => undefined);
  sent.end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  for (const text of ["one", "two"]) {
    say(text);
    const [part] = (await once(answer, "data")) as [Buffer];
    assert.equal(part.toString(), text);
  }
  answer.on("error", () => undefined);
  sent.destroy();
  await waitFor(async () => left, { what: "end at the process that serves" });
});

test("what is not read is not taken, in either direction", { timeout: 300_000 }, async (context) => {
  const { ask, forwarder, serve } = await following(context);
  const pieces = 256;
  let taken = 0;
  let made = 0;
  let read: () => void = () => undefined;
  forwarder.aim(
    await serve((asked, response) => {
      asked.pause();
      read = () => {
        asked.on("data", (part: Buffer) => (taken += part.length)).resume();
        asked.on("end", () => {
          response.writeHead(200);
          const write = (): void => {
            while (made < pieces && response.write(mebibyte)) made += 1;
            if (made < pieces) {
              made += 1;
              response.once("drain", write);
            } else response.end();
          };
          write();
        });
      };
    }),
  );
  const sent = ask({ method: "POST", headers: { "transfer-encoding": "chunked" } });
  let given = 0;
  const give = (): void => {
    while (given < pieces) {
      given += 1;
      if (!sent.write(mebibyte)) return void sent.once("drain", give);
    }
    sent.end();
  };
  give();
  const still = async (count: () => number): Promise<number> => {
    let last = -1;
    for (let same = 0; same < 5;) {
      same = count() === last ? same + 1 : 0;
      last = count();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return last;
  };
  assert.ok((await still(() => given)) < pieces / 2, `${given} of ${pieces} MiB were taken unread`);
  read();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  assert.equal(taken, pieces * mebibyte.length);
  assert.ok((await still(() => made)) < pieces / 2, `${made} of ${pieces} MiB were taken unread`);
  let heard = 0;
  for await (const part of answer) heard += (part as Buffer).length;
  assert.ok(heard >= pieces * mebibyte.length);
});

test("where nobody serves, or the one that did is gone, who asks is told to ask again", async (context) => {
  const { ask, doors, forwarder, serve, authority } = await following(context);
  await isChanging(ask().end());
  const door = await openPeerDoor({ address, port: 0, authority, handler: (_asked, answer) => answer.end() });
  forwarder.aim(door.location);
  assert.equal((await answerOf(ask().end())).answer.statusCode, 200);
  door.close();
  const sent = ask({ method: "POST" });
  sent.write("a body that does not end yet");
  await isChanging(sent);
  sent.destroy();

  // One that hangs: what it was asked breaks off once another serves.
  let asked = 0;
  forwarder.aim(await serve(() => (asked += 1)));
  const hanging = isChanging(ask().end());
  await waitFor(async () => asked === 1, { what: "request at the one that hangs" });
  forwarder.aim(await serve((_asked, answer) => answer.end("another")));
  await hanging;
  assert.equal((await answerOf(ask().end())).text, "another");
  forwarder.close();
  await isChanging(ask().end());
  doors.close();
});

test("an answer that breaks off does not look like a whole one", async (context) => {
  const { ask, forwarder, serve } = await following(context);
  forwarder.aim(
    await serve((_asked, response) => {
      response.write("a part");
      setImmediate(() => response.destroy());
    }),
  );
  await assert.rejects(answerOf(ask().end()), /aborted|hang up|ECONNRESET/);
});

test("nobody but a process of the site says for whom it asks", async (context) => {
  const { ask, authority, forwarder, serve } = await following(context);
  let asked = 0;
  const location = await serve((_asked, answer) => {
    asked += 1;
    answer.end();
  });
  forwarder.aim(location);
  const { answer, text } = await answerOf(ask({ headers: { "X-Volley-Client": "192.0.2.1" } }).end());
  assert.equal(answer.statusCode, 403);
  assert.equal(ErrorAnswer.parse(JSON.parse(text)).code, "E_FORBIDDEN");

  const knock = (identity: CertifiedKey | null, client: string | null = "192.0.2.1"): Promise<number> => {
    const { certificate: cert, key } = identity ?? {};
    const sent = request({
      host: address,
      port: location.port,
      agent: false,
      rejectUnauthorized: false,
      headers: client === null ? {} : { "x-volley-client": client },
      ...(identity !== null && { cert, key }),
    });
    return answerOf(sent.end()).then(({ answer: { statusCode = 0 } }) => statusCode);
  };
  const point = await newPointKeys();
  const pointCertificate = await authority.certifyPoint(address, point.publicKey);
  const foreign = await openAuthority(testFolder(context));
  const refused = [
    null,
    await authority.serverCertificate([address], "ec"),
    { certificate: pointCertificate, key: point.key },
    await foreign.peerCertificate(),
  ];
  for (const identity of refused) await assert.rejects(knock(identity), /ECONNRESET|alert|hang up|EPIPE/);
  const own = await authority.peerCertificate();
  for (const client of [null, "everybody", "192.0.2.1, 192.0.2.2"]) {
    assert.equal(await knock(own, client), 400);
  }
  assert.equal(asked, 0);
  assert.equal(await knock(own), 200);
});

test("nothing is told to what is not the process that serves", async (context) => {
  const { ask, forwarder, serve } = await following(context);
  let asked = 0;
  const location = await serve((_asked, answer) => {
    asked += 1;
    answer.end();
  });
  const fingerprint = location.fingerprint.replace(/^../, (one) => (one === "00" ? "11" : "00"));
  forwarder.aim({ ...location, fingerprint });
  await isChanging(ask().end());
  assert.equal(asked, 0);
  forwarder.aim(location);
  assert.equal((await answerOf(ask().end())).answer.statusCode, 200);
});
