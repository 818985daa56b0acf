/** How the limits stand to each other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../../contract/limits.ts";

const rules: [what: string, holds: boolean][] = [
  ["retry delays are out of order", limits.retryDelayLeastMs < limits.retryDelayMostMs],
  [
    "an administrator's request is given up while its sequence is checked",
    limits.sequenceCheckMs + limits.requestTimeoutMs <= limits.administrationAnswerMs,
  ],
  ["a room does not fit the site", limits.connectionsMost >= limits.receiversPerSession],
  ["a session idles out before it lingers", limits.sessionLingerMs < limits.sessionIdleMs],
  ["a repeated report may be forgotten", limits.reportsKeptPerMachine >= limits.outboxReports],
  [
    "a site would not answer every question about its groups",
    limits.groupAnswerMs * limits.groupQuestions * 2 <= limits.groupAskMs,
  ],
  [
    "a machine that waits for a session is forgotten between two questions",
    limits.waitingSilentMs > limits.retryDelayMostMs * 2,
  ],
  ["sessions close too early", limits.progressIntervalMostMs * 10 <= limits.sessionIdleMs],
  [
    "a receiver would be started anew before it can fall back to unicast",
    limits.receiverStallMs > limits.multicastSilenceMs + limits.chunkWaitMs,
  ],
  ["reports do not fit a request", limits.reportBytesPerRequest * 2 <= limits.requestBodyBytes],
  [
    "another process of the site would begin before this one has ended",
    limits.siteLeaseGiveUpMs + limits.databaseConnectMs / 2 <= limits.siteLeaseMs,
  ],
  [
    "another process of the site may not serve yet when it is said to",
    limits.siteTakeoverMs >= limits.siteLeaseMs + limits.siteLeaseLookMs + limits.databaseConnectMs,
  ],
  ["a statement is given up before the server ends it", limits.databaseStatementMs < limits.databaseAnswerMs],
  [
    "a distribution point counts as away between two signs of life",
    limits.pointQuietSyncMs * 2 < limits.pointSilentMs,
  ],
  ["a piece of a file does not fit a request", limits.filePieceBytes <= limits.requestBodyBytes],
  ["two processes would send the same messages", limits.webhookClaimMs > limits.webhookRequestMs],
];
for (const [what, holds] of rules) {
  test(`it is not so that ${what}`, () => assert.ok(holds));
}
