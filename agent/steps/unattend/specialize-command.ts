/** A command that the applied Windows runs in its specialize pass, the first pass that it runs by itself. */
import { elementsOf, textOf, type XmlElement } from "../xml/document.ts";
import { setSetting, type Architecture } from "./answer-file.ts";

const component = "Microsoft-Windows-Deployment";
const pass = "specialize";

export interface SpecializeCommand {
  /** Of "RunSynchronousCommand": they run by rising order, and this is the least that will do. */
  order: number;
  description: string;
  line: string;
}

/**
 * Behind those that are there, also an answer file's own, and once only: a step may run again. Source: "RunSynchronous"
 * (Unattended Windows Setup Reference), where two commands cannot share an order.
 */
export function addSpecializeCommand(
  root: XmlElement,
  architecture: Architecture,
  { description, line, order }: SpecializeCommand,
): void {
  const taken = new Set<string>();
  for (const settings of elementsOf(root, "settings")) {
    if (settings.attributes.get("pass") !== pass) continue;
    for (const found of elementsOf(settings, "component")) {
      if (found.attributes.get("name") !== component) continue;
      for (const list of elementsOf(found, "RunSynchronous")) {
        for (const command of elementsOf(list, "RunSynchronousCommand")) {
          if (elementsOf(command, "Path").some((path) => textOf(path) === line)) return;
          for (const own of elementsOf(command, "Order")) taken.add(textOf(own));
        }
      }
    }
  }
  let free = order;
  while (taken.has(String(free))) free += 1;
  const at = `RunSynchronous/RunSynchronousCommand[${free}]`;
  setSetting(root, architecture, { pass, component, path: `${at}/Description` }, description);
  setSetting(root, architecture, { pass, component, path: `${at}/Path` }, line);
}
