/** What programs of steps find in their environment besides what the agent itself was given. */
import { delimiter, dirname } from "node:path";

type Variables = Readonly<Record<string, string | undefined>>;

/** `volley-agent env` is found by its name, wherever the packaged agent lies; the system's own programs come first. */
export function programEnvironment(own: Variables, toSequence: Variables): Variables {
  const name = Object.keys(own).find((key) => key.toLowerCase() === "path") ?? "PATH";
  const folders = [own[name], dirname(process.execPath)].filter((part) => part !== undefined && part !== "");
  return { ...own, [name]: folders.join(delimiter), ...toSequence };
}
