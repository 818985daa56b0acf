/** What is known of one thing: a label and a text each. */
interface FactsProps {
  facts: readonly (readonly [label: string, text: string])[];
  /** For its style. */
  state?: string;
}

export function Facts({ facts, state }: FactsProps) {
  return (
    <dl class="point figures" data-state={state}>
      {facts.map(([label, text]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
