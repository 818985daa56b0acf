/** A table that scrolls in itself where the window is narrow. */
import type { ComponentChildren } from "preact";

interface TableProps {
  /** What it lists, for who does not see the title above it. */
  label: string;
  /** Of the body, where something else refers to it. */
  id?: string;
  /** Column titles; an empty one is above the rows' buttons. */
  head: readonly string[];
  /** Said in the place of rows when there is none. */
  empty?: string;
  children: ComponentChildren[];
}

export function Table({ children, empty, head, id, label }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((title) =>
              title === "" ? (
                <td key="actions" />
              ) : (
                <th key={title} scope="col">
                  {title}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody id={id}>{children}</tbody>
      </table>
      {children.length === 0 && empty !== undefined ? <p class="empty">{empty}</p> : null}
    </div>
  );
}
