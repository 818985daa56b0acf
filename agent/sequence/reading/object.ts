/**
 * What stands around a sequence: the console's object.xml, an `INSTANCE` of SMS_TaskSequencePackage whose property
 * "Sequence" holds the sequence's XML as text, escaped or in CDATA; or any element with a `<sequence>` somewhere in
 * it, as the exports of older versions and of scripts have it. What the package itself says (its name, its sizes, its
 * dates) is not the sequence's and is passed over, but for its name, description and boot image.
 */
import type { Sequence } from "../tree.ts";
import { type Content, type Element, newlines, readDocument } from "./document.ts";
import { Problems, quoted, unreadable } from "./problems.ts";
import { sequenceContent } from "./sequence.ts";

export interface PackageFacts {
  packageId: string;
}

export interface ObjectReading {
  problems: Problems;
  count: { elements: number };
  take(sequence: Sequence, problems: Problems, facts?: PackageFacts): void;
}

interface Property {
  text: string;
  /** Line its text starts on. */
  line: number;
}

export function objectContent(element: Element, reading: ObjectReading): Content {
  return element.name === "INSTANCE" ? instanceContent(element, reading) : wrapperContent(element, reading);
}

/** Passes over everything but sequences and instances in it. */
function wrapperContent(element: Element, reading: ObjectReading): Content {
  const { take } = reading;
  return {
    takesText: true,
    child: (child) => {
      if (child.name === "INSTANCE") return instanceContent(child, reading);
      if (child.name !== "sequence") return wrapperContent(child, reading);
      const problems = new Problems();
      problems.warning(
        child.line,
        `The sequence stands in <${element.name}>; what else is there was passed over`,
      );
      return sequenceContent(child, problems, (sequence) => take(sequence, problems));
    },
    end: () => {},
  };
}

function instanceContent(element: Element, reading: ObjectReading): Content {
  const className = element.attributes["CLASSNAME"] ?? "";
  if (className.toLowerCase() !== "sms_tasksequencepackage") return wrapperContent(element, reading);
  const properties = new Map<string, Property>();
  return {
    child: (child) => {
      const name = (child.attributes["NAME"] ?? "").toLowerCase();
      return child.name === "PROPERTY" ? propertyContent(name, properties) : passedOver();
    },
    end: () => readSequenceProperty(element, properties, reading),
  };
}

function propertyContent(name: string, properties: Map<string, Property>): Content {
  return {
    child: (child) => {
      if (child.name !== "VALUE") return passedOver();
      let line = child.line;
      return {
        takesText: true,
        textLine: (start) => {
          line = start;
        },
        child: passedOver,
        end: (text) => {
          properties.set(name, { text, line });
        },
      };
    },
    end: () => {},
  };
}

function passedOver(): Content {
  return { takesText: true, child: passedOver, end: () => {} };
}

function readSequenceProperty(
  element: Element,
  properties: ReadonlyMap<string, Property>,
  { count, take }: ObjectReading,
): void {
  const property = properties.get("sequence");
  if (property === undefined || property.text.trim() === "") {
    throw unreadable(`Line ${element.line}: the task sequence package has no sequence in it`);
  }
  const text = property.text.trimStart();
  const skipped = newlines(property.text.slice(0, property.text.length - text.length));
  const problems = new Problems();
  const value = (name: string): string => properties.get(name)?.text.trim() ?? "";
  let isThere = false;
  const root: Content = {
    child: (child) => {
      if (child.name !== "sequence") return null;
      isThere = true;
      return sequenceContent(child, problems, (sequence) => {
        sequence.format = "configmgr";
        sequence.name ||= value("name");
        sequence.description ||= value("description");
        addBootImage(sequence, properties.get("bootimageid"));
        take(sequence, problems, { packageId: value("packageid") });
      });
    },
    end: () => {},
  };
  readDocument(text, root, { problems, firstLine: property.line + skipped, count });
  if (!isThere) {
    throw unreadable(`Line ${property.line}: the package's sequence is no <sequence> but ${quoted(text)}`);
  }
}

/** The boot image is a package the sequence needs, though its own list does not name it. */
function addBootImage(sequence: Sequence, bootImage: Property | undefined): void {
  const packageId = bootImage?.text.trim() ?? "";
  if (bootImage === undefined || packageId === "") return;
  sequence.bootImageId = packageId;
  if (sequence.references.some((reference) => reference.packageId === packageId)) return;
  sequence.references.push({ packageId, program: "", line: bootImage.line });
}
