/** The distribution point's properties. */
import type { DistributionPoint } from "../../../contract/distribution-point.ts";
import { Form, type Filled } from "../parts/form.tsx";
import { PointFields, propertiesOf } from "../parts/point-fields.tsx";
import { Section } from "../parts/section.tsx";
import { useResource } from "../state/resource.ts";
import { ask, mayAdminister } from "../state/site.ts";

const load = (): Promise<DistributionPoint> => ask("GET", "/distribution-point");

export function PointSettings() {
  const { act, value } = useResource(load);
  if (value === null) return <p class="empty">…</p>;
  const save = async (filled: Filled): Promise<string> => {
    await ask("POST", "/distribution-point", propertiesOf(filled));
    return "Saved. It counts for sessions that start from now on.";
  };
  return (
    <Section title="Distribution point">
      <Form keep act={act} onSend={save}>
        <fieldset class="groups" disabled={!mayAdminister.value}>
          <legend class="unseen">Properties of the distribution point</legend>
          <PointFields point={value} />
          <button type="submit">Save</button>
        </fieldset>
      </Form>
    </Section>
  );
}
