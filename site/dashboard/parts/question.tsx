/** Asked before something is done that cannot be undone: a dialog with what it breaks. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface QuestionProps {
  title: string;
  /** On the button that does it; null where it cannot be done. */
  action: string | null;
  onDo: () => unknown;
  onClose: () => void;
  children: ComponentChildren;
}

export function Question({ action, children, onClose, onDo, title }: QuestionProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
      <form method="dialog" class="buttons">
        {action === null ? null : (
          <button type="submit" class="danger" onClick={() => void onDo()}>
            {action}
          </button>
        )}
        <button type="button" autoFocus onClick={() => dialog.current?.close()}>
          {action === null ? "Close" : "Cancel"}
        </button>
      </form>
    </dialog>
  );
}
