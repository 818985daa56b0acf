/** Asking the site, who is signed in, and what is said to that person. */
import { computed, signal } from "@preact/signals";
import type { Me } from "../../../contract/accounts.ts";
import { signInPath } from "../paths.ts";

/** Null until the site has answered. */
export const me = signal<Me | null>(null);
export const mayOperate = computed(() => me.value !== null && me.value.role !== "viewer");
export const mayAdminister = computed(() => me.value?.role === "administrator");
/** The last answer to something that a person did: what came of it, or why nothing did. */
export const said = signal("");

/** What the site refused, in words for people. */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

type Method = "GET" | "POST" | "DELETE" | "PUT";

/** Throws a Refusal, or an Error when the site does not answer. Leads to the sign-in where nobody is signed in. */
async function fetched(method: Method, address: string, body?: object | Blob): Promise<Response> {
  const mark = me.value?.pageMark ?? null;
  const isFile = body instanceof Blob;
  const type = isFile ? "application/octet-stream" : "application/json";
  const answer = await fetch(`/api/v1${address}`, {
    method,
    headers: {
      ...(body !== undefined && { "content-type": type }),
      ...(mark !== null && { "x-volley-page": mark }),
    },
    ...(body !== undefined && { body: isFile ? body : JSON.stringify(body) }),
  }).catch(() => {
    throw new Error("The site does not answer.");
  });
  if (answer.ok) return answer;
  const { code, detail, remedy } = (await answer.json()) as { code: string; detail: string; remedy: string };
  if ((answer.status === 401 || code === "E_PASSWORD_CHANGE") && location.pathname !== signInPath) {
    location.replace(signInPath);
  }
  throw new Refusal(code, `${detail} ${remedy}`);
}

/** Throws as `fetched` does. */
export async function ask<Answer>(method: Method, address: string, body?: object | Blob): Promise<Answer> {
  const answer = await fetched(method, address, body);
  return (answer.status === 204 ? undefined : await answer.json()) as Answer;
}

/** What the site answers as a file; the browser keeps a large one on its disk. Throws as `fetched` does. */
export async function askFile(address: string, body: object): Promise<Blob> {
  return (await fetched("POST", address, body)).blob();
}

export async function whoAmI(): Promise<Me> {
  me.value = await ask<Me>("GET", "/me");
  return me.value;
}

/** Runs `work` and says the text that it answers, or why it failed. */
export async function saying(work: () => Promise<string | void>): Promise<void> {
  said.value = "";
  try {
    said.value = (await work()) ?? "";
  } catch (error) {
    said.value = error instanceof Error ? error.message : String(error);
  }
}

export async function signOut(): Promise<void> {
  try {
    if (me.value === null) await whoAmI();
    await ask("POST", "/logout");
  } catch {
    // Signed out already, or the site is away: the sign-in says so.
  }
  location.replace(signInPath);
}
