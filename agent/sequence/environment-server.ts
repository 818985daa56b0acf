/**
 * Gives the programs of a running step what Microsoft.SMS.TSEnvironment gives on Windows: a socket in a folder of the
 * agent's own account, and a token that only the step's environment has. One request and one answer for each
 * connection, each a line of JSON.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { z } from "zod";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import type { StepEnvironment } from "./environment.ts";
import { sequenceLimits } from "./limits.ts";

/** Variables of the environment that a step's programs are given. */
export const socketVariable = "VOLLEY_SEQUENCE_SOCKET";
export const tokenVariable = "VOLLEY_SEQUENCE_TOKEN";

const EnvironmentRequest = z.discriminatedUnion("do", [
  z.object({ do: z.literal("get"), name: z.string() }),
  z.object({ do: z.literal("set"), name: z.string(), value: z.string(), hidden: z.boolean() }),
  z.object({ do: z.literal("list") }),
]);
export type EnvironmentRequest = z.infer<typeof EnvironmentRequest>;
export type EnvironmentAnswer =
  | { value: string }
  | { names: string[] }
  | { error: { code: string; detail: string } };

export interface EnvironmentServer {
  /** For the environment of a step's programs. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whose environment is served; null between steps. */
  serve(environment: StepEnvironment | null): void;
  close(): Promise<void>;
}

/** `path`: of the socket, in a folder nobody else may enter; a pipe's name on Windows. Rejects with E_SOCKET. */
export async function startEnvironmentServer(path: string): Promise<EnvironmentServer> {
  const token = randomBytes(32).toString("hex");
  let current: StepEnvironment | null = null;
  let connections = 0;
  const server = createServer((socket) => {
    if (connections >= sequenceLimits.environmentConnections) {
      socket.destroy();
      return;
    }
    connections += 1;
    socket.once("close", () => (connections -= 1));
    receive(socket, (line) => answerTo(line, token, current));
  });
  // What a killed agent left behind.
  if (!path.startsWith("\\\\.\\pipe\\")) rmSync(path, { force: true });
  await listen(server, path);
  server.unref();
  return {
    variables: { [socketVariable]: path, [tokenVariable]: token },
    serve(environment) {
      current = environment;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(new VolleyError("E_SOCKET", `${path}: ${error.message}`, { cause: error }));
    });
    server.listen(path, resolve);
  });
}

/** One line in, one line out; what is too long or too slow is dropped. */
function receive(socket: Socket, answer: (line: string) => EnvironmentAnswer): void {
  let text = "";
  socket.setEncoding("utf8");
  socket.setTimeout(sequenceLimits.environmentIdleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (piece: string) => {
    text += piece;
    if (text.length > sequenceLimits.environmentRequestBytes) socket.destroy();
    const end = text.indexOf("\n");
    if (end < 0 || socket.destroyed) return;
    socket.removeAllListeners("data");
    socket.end(`${JSON.stringify(answer(text.slice(0, end)))}\n`);
  });
}

function answerTo(line: string, token: string, environment: StepEnvironment | null): EnvironmentAnswer {
  try {
    const asked = parseLine(line);
    const given = z.object({ token: z.string() }).safeParse(asked);
    if (!isSame(given.data?.token ?? "", token)) {
      throw new VolleyError("E_FORBIDDEN", "The token is not the one of the running step");
    }
    const { data: request } = EnvironmentRequest.safeParse(asked);
    if (request === undefined) {
      throw new VolleyError("E_REQUEST_INVALID", "The request asks for nothing known");
    }
    if (environment === null) throw new VolleyError("E_NOT_FOUND", "No step of a sequence runs now");
    if (request.do === "get") return { value: environment.get(request.name) };
    if (request.do === "list") return { names: environment.names().sort() };
    const { hidden, name, value } = request;
    environment.set(name, value, { hidden });
    return { value };
  } catch (error) {
    const { code, detail } = toVolleyError(error);
    return { error: { code, detail } };
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new VolleyError("E_REQUEST_INVALID", "A request is a line of JSON");
  }
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
