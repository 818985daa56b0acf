/** Forms that do something at the site, and the fields they are made of. */
import type { ComponentChildren } from "preact";
import { saying } from "../state/site.ts";

/** What a form holds when it is sent; of a field that may have several values, or a file, `data` has them. */
export interface Filled {
  /** The one value of a field, trimmed; empty where there is none. */
  text: (name: string) => string;
  /** As it was typed: a password may begin with a space. */
  typed: (name: string) => string;
  isOn: (name: string) => boolean;
  data: FormData;
}

interface FormProps {
  /** Its text is said; the form is emptied unless it answers `keep`. */
  onSend: (filled: Filled) => Promise<string | void>;
  /** Leaves what was typed. */
  keep?: boolean;
  /** How it is run; by itself what fails is said. */
  act?: (work: () => Promise<string | void>) => Promise<void>;
  class?: string;
  label?: string;
  children: ComponentChildren;
}

export function Form({ act = saying, children, keep, label, onSend, ...rest }: FormProps) {
  const send = (form: HTMLFormElement): void => {
    const data = new FormData(form);
    const typed = (name: string): string => {
      const value = data.get(name);
      return typeof value === "string" ? value : "";
    };
    const text = (name: string): string => typed(name).trim();
    void act(async () => {
      const told = await onSend({ text, typed, isOn: (name) => data.get(name) === "on", data });
      if (!keep) form.reset();
      return told;
    });
  };
  return (
    <form
      {...rest}
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        send(event.currentTarget);
      }}
    >
      {children}
    </form>
  );
}

/** What a list lets choose from: each by its name. */
export function Choices({ of }: { of: readonly { id: string; name: string }[] }) {
  return of.map(({ id, name }) => (
    <option key={id} value={id}>
      {name}
    </option>
  ));
}

interface FieldProps {
  label: string;
  children: ComponentChildren;
}

export function Field({ children, label }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
    </label>
  );
}

interface ChoiceFieldProps<Value extends string> {
  label: string;
  name: string;
  /** What is chosen at first; the first of them where nothing is. */
  chosen: Value | undefined;
  /** In words. */
  of: Readonly<Record<Value, string>>;
}

/** A list of few values, one of which is chosen. */
export function ChoiceField<Value extends string>({ chosen, label, name, of }: ChoiceFieldProps<Value>) {
  return (
    <Field label={label}>
      <select name={name}>
        {Object.entries<string>(of).map(([value, text]) => (
          <option key={value} value={value} selected={value === chosen}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** A box to tick, with its text behind it. */
export function Tick({ label, ...input }: { label: string; name: string; defaultChecked?: boolean }) {
  return (
    <label class="tick">
      <input type="checkbox" {...input} /> {label}
    </label>
  );
}

interface ActionProps {
  /** For who does not see which row it is in: "Remove anna". */
  label: string;
  onAct: () => unknown;
  children: string;
}

export function Action({ children, label, onAct }: ActionProps) {
  return (
    <button type="button" class="small" aria-label={label} onClick={() => void onAct()}>
      {children}
    </button>
  );
}
