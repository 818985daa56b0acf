/** Writes docs/ERRORS.md from the registry: `node dist/scripts/errors-document.js > docs/ERRORS.md`. */
import { pathToFileURL } from "node:url";
import { errors } from "../contract/errors.ts";

const retryWords = { no: "no", later: "yes, later", "after-remedy": "after the remedy" } as const;

export function errorsDocument(): string {
  const rows = Object.entries(errors).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.meaning} | ${entry.remedy} | ${retryWords[entry.retry]} | ${entry.httpStatus} | ${entry.exitCode} |`,
  );
  return [
    "# Errors",
    "",
    "Every error Volley shows has a code, says what happened to what (device, offset, chunk, file), and what to do",
    "next. A command that ends with an error exits with the code's exit code; the site answers with its HTTP status",
    "and `{ code, detail, remedy }`. This page is written from `contract/errors.ts`; a test holds the two together.",
    "",
    "| code | what it means | what to do | try again? | HTTP | exit |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(errorsDocument());
}
