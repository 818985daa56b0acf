/** The images of a WIM that holds several, for one to be chosen. */
import type { WimEdition } from "../../../contract/administration.ts";
import { bytesText, countText } from "../../quantities.ts";
import { editionText } from "../words/content.ts";
import { Action } from "./form.tsx";
import { Table } from "./table.tsx";

interface WimEditionsProps {
  path: string;
  editions: readonly WimEdition[];
  onChoose: (index: number) => unknown;
}

export function WimEditions({ editions, onChoose, path }: WimEditionsProps) {
  return (
    <>
      <p>{`${path} holds ${countText(editions.length, "image")}. Which one is to be imported?`}</p>
      <Table
        label={`Images of ${path}`}
        id="editions"
        head={["Index", "Name", "Edition", "Languages", "Size", "Sysprep", ""]}
      >
        {editions.map((one) => (
          <tr key={one.index}>
            <td>{one.index}</td>
            <td>{one.name}</td>
            <td>{editionText(one)}</td>
            <td>{one.languages.join(" ")}</td>
            <td>{bytesText(one.bytes)}</td>
            <td>{one.sysprep}</td>
            <td class="actions">
              <Action label={`Import image ${one.index}, ${one.name}`} onAct={() => onChoose(one.index)}>
                Import it
              </Action>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
