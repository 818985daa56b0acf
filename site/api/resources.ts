/** What the API is made of. */
import { accountRoutes } from "./accounts.ts";
import { tokenRoutes } from "./api-tokens.ts";
import { auditRoutes } from "./audit.ts";
import { authorityRoutes } from "./authority.ts";
import { backupRoutes } from "./backup.ts";
import { bootImageRoutes } from "./boot-image.ts";
import { captureRoutes } from "./captures.ts";
import { collectionRoutes } from "./collections.ts";
import { deviceRoutes } from "./devices.ts";
import { credentialRoutes } from "./credentials.ts";
import { deploymentReportRoutes } from "./deployment-reports.ts";
import { deploymentRoutes } from "./deployments.ts";
import { distributionPointRoutes } from "./distribution-point.ts";
import { driverRoutes } from "./drivers.ts";
import { enrolRoutes } from "./enrol.ts";
import { eventRoutes } from "./events.ts";
import { examinationRoutes } from "./examinations.ts";
import { healthRoutes } from "./health.ts";
import { imageRoutes } from "./images.ts";
import { loginRoutes } from "./login.ts";
import { machineLogRoutes } from "./machine-logs.ts";
import { machineRoutes } from "./machines.ts";
import { metricRoutes } from "./metrics.ts";
import { packageRoutes } from "./packages.ts";
import { pointContentRoutes } from "./point-contents.ts";
import { pointLineRoutes } from "./point-line.ts";
import { pointRoutes } from "./points.ts";
import { policyRoutes } from "./policy.ts";
import { pxeRoutes } from "./pxe.ts";
import { recoveryKeyRoutes } from "./recovery-keys.ts";
import { reportRoutes } from "./reports.ts";
import { sequenceRunRoutes } from "./sequence-runs.ts";
import { sequenceRoutes } from "./sequences.ts";
import { sessionRoutes } from "./sessions.ts";
import { sharedPackageRoutes } from "./shared-packages.ts";
import { stateStoreRoutes } from "./state-stores.ts";
import { statusMessageRoutes } from "./status-messages.ts";
import { taskRoutes } from "./tasks.ts";
import { uploadRoutes } from "./uploads.ts";
import { wakeRoutes } from "./wakes.ts";
import { webhookRoutes } from "./webhook.ts";
import type { ApiContext } from "./context.ts";
import type { Route } from "./route.ts";

/** Every resource of the API. */
export const resources: ((context: ApiContext) => Route[])[] = [
  accountRoutes,
  auditRoutes,
  collectionRoutes,
  deviceRoutes,
  authorityRoutes,
  backupRoutes,
  bootImageRoutes,
  credentialRoutes,
  deploymentReportRoutes,
  deploymentRoutes,
  distributionPointRoutes,
  driverRoutes,
  enrolRoutes,
  eventRoutes,
  examinationRoutes,
  healthRoutes,
  imageRoutes,
  loginRoutes,
  machineLogRoutes,
  machineRoutes,
  metricRoutes,
  packageRoutes,
  sharedPackageRoutes,
  pointLineRoutes,
  pointRoutes,
  pointContentRoutes,
  policyRoutes,
  pxeRoutes,
  recoveryKeyRoutes,
  reportRoutes,
  sequenceRoutes,
  sequenceRunRoutes,
  captureRoutes,
  sessionRoutes,
  stateStoreRoutes,
  statusMessageRoutes,
  taskRoutes,
  tokenRoutes,
  uploadRoutes,
  wakeRoutes,
  webhookRoutes,
];
