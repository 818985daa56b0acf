/** What requests and answers of the routes are, for the API's description. The handlers parse by the same schemas. */
import { z } from "zod";
import * as accounts from "../../contract/accounts.ts";
import * as administration from "../../contract/administration.ts";
import { BootImageFacts } from "../../contract/boot-image.ts";
import * as deployment from "../../contract/deployment.ts";
import * as deploymentReport from "../../contract/deployment-report.ts";
import * as devices from "../../contract/devices.ts";
import { DistributionPoint, DistributionPointChange } from "../../contract/distribution-point.ts";
import * as doctor from "../../contract/doctor.ts";
import { KeptLog, LogQuery, MachineLog } from "../../contract/machine-logs.ts";
import { EnrolAnswer, EnrolRequest } from "../../contract/machine.ts";
import * as point from "../../contract/point.ts";
import * as pxe from "../../contract/pxe.ts";
import { RecoveryKey, RecoveryKeyRequest } from "../../contract/recovery-keys.ts";
import * as report from "../../contract/report.ts";
import * as sequence from "../../contract/sequence.ts";
import {
  SiteStatusEntry,
  StatusEntry,
  StatusExportQuery,
  StatusQuery,
} from "../../contract/status-messages.ts";
import { WebhookRequest, WebhookState } from "../../contract/webhook.ts";
import { StartAnswer, WaitingSession } from "../../contract/waiting.ts";
import { DeploymentWake, WakeAnswer, WakeRequest } from "../../contract/wake.ts";

/** What is no JSON, by its media type. */
export type MediaType = `${string}/${string}`;

export interface RouteSchemas {
  body?: z.ZodType | MediaType;
  query?: z.ZodType;
  /** None: it answers that it is done, and nothing else. */
  answer?: z.ZodType | MediaType;
  /** As what it answers where that is asked for. */
  also?: MediaType;
}

/** Pieces of files, manifests. */
const bytes = "application/octet-stream";

const variables = { answer: sequence.DeviceVariables };
const changedVariables = { body: sequence.DeviceVariablesChange, answer: sequence.DeviceVariables };

/** By method and path. */
export const schemas: Readonly<Record<string, RouteSchemas>> = {
  "GET /accounts": { answer: z.array(accounts.AccountRecord) },
  "POST /accounts": { body: accounts.AccountRequest, answer: accounts.AccountAnswer },
  "POST /accounts/:id": { body: accounts.AccountChange, answer: accounts.AccountRecord },
  "POST /accounts/:id/password": { body: accounts.PasswordReset, answer: accounts.AccountAnswer },
  "GET /audit": { query: accounts.AuditQuery, answer: z.array(accounts.AuditEntry) },
  "GET /audit/export": {
    query: accounts.AuditExportQuery,
    answer: z.array(accounts.AuditEntry),
    also: "text/csv",
  },
  "GET /authority": { answer: "application/x-pem-file" },
  "POST /backup": { body: administration.BackupRequest, answer: bytes },
  "GET /boot-image": { answer: BootImageFacts },
  "GET /boot-image/:name/:offset": { answer: bytes },
  "GET /collections": { answer: z.array(devices.CollectionRecord) },
  "GET /collections/:id": { answer: devices.CollectionRecord },
  "POST /collections": { body: devices.CollectionRequest, answer: devices.CollectionRecord },
  "POST /collections/:id": { body: devices.CollectionChange, answer: devices.CollectionRecord },
  "POST /collections/:id/preview": { body: devices.CollectionChange, answer: devices.DeploymentPreview },
  "POST /collections/:id/wake": { answer: WakeAnswer },
  "GET /collections/:id/variables": variables,
  "POST /collections/:id/variables": changedVariables,
  "GET /devices": { answer: z.array(devices.DeviceRecord) },
  "POST /devices": { body: devices.DeviceAddition, answer: devices.DeviceRecord },
  "POST /devices/preview": { body: devices.DeviceAddition, answer: devices.DeploymentPreview },
  "POST /devices/import": { body: devices.ImportDevices, answer: devices.ImportDevicesAnswer },
  "POST /devices/import/preview": { body: devices.ImportDevices, answer: devices.DeploymentPreview },
  "POST /devices/wake": { body: WakeRequest, answer: WakeAnswer },
  "POST /devices/:id/state": { body: devices.DeviceStateRequest, answer: devices.DeviceRecord },
  "POST /devices/:id/state/preview": { body: devices.DeviceStateRequest, answer: devices.DeploymentPreview },
  "GET /devices/:id/variables": variables,
  "POST /devices/:id/variables": changedVariables,
  "POST /credentials": { body: administration.CredentialRequest, answer: administration.CredentialAnswer },
  "GET /report-key": { answer: deploymentReport.ReportKey },
  "GET /machines/:id/report": {
    query: deploymentReport.ReportQuery,
    answer: deploymentReport.SignedReport,
  },
  "GET /deployment-reports": {
    query: deploymentReport.KeptReportQuery,
    answer: z.array(deploymentReport.KeptReport),
  },
  "GET /deployment-reports/:id": { answer: deploymentReport.SignedReport },
  "GET /deployments": { answer: z.array(administration.ListedDeployment) },
  "GET /deployments/:id": { answer: administration.DeploymentRecord },
  "GET /deployments/:id/machines": { answer: z.array(administration.DeploymentMachine) },
  "POST /deployments": { body: administration.DeploymentRequest, answer: administration.DeploymentRecord },
  "POST /deployments/preview": { body: administration.DeploymentRequest, answer: devices.DeploymentPreview },
  "POST /deployments/:id/clear": { body: devices.DeploymentClear, answer: devices.DeploymentCleared },
  "POST /deployments/:id/start": { answer: StartAnswer },
  "GET /deployments/:id/wake": { answer: DeploymentWake },
  "POST /deployments/:id/close": { answer: administration.DeploymentRecord },
  "POST /deployments/:id/join": { body: deployment.JoinRequest, answer: deployment.JoinAnswer },
  "POST /deployments/:id/progress": { body: report.Progress, answer: report.ProgressAnswer },
  "POST /deployments/:id/step": { body: report.RunningStep },
  "GET /distribution-point": { answer: DistributionPoint },
  "POST /distribution-point": { body: DistributionPointChange, answer: DistributionPoint },
  "GET /waiting": { answer: z.array(WaitingSession) },
  "GET /events": { answer: "text/event-stream" },
  "POST /enrol": { body: EnrolRequest, answer: EnrolAnswer },
  "POST /examinations": { answer: doctor.Examination },
  "POST /examinations/:id/bursts": { body: doctor.BurstRequest, answer: doctor.BurstAnswer },
  "GET /examinations/:id": { answer: doctor.EchoCounts },
  "GET /health": { answer: administration.Health },
  "GET /images": { answer: z.array(administration.ImageRecord) },
  "GET /images/:id": { answer: administration.ImageRecord },
  "POST /images": { body: administration.ImportRequest, answer: administration.ImportState },
  "GET /images/:id/manifest": { answer: bytes },
  "POST /images/:id/multicast": {
    body: administration.MulticastRequest,
    answer: administration.ImageRecord,
  },
  "POST /images/:id/encryption": {
    body: administration.EncryptionRequest,
    answer: administration.ImageRecord,
  },
  "POST /images/:id/verify": { answer: administration.VerificationState },
  "GET /importable": { answer: administration.Importable },
  "POST /importable": { body: administration.ImportableRequest, answer: administration.Importable },
  "GET /imports": { answer: z.array(administration.ImportState) },
  "GET /imports/:id": { answer: administration.ImportState },
  "GET /verifications": { answer: z.array(administration.VerificationState) },
  "GET /verifications/:id": { answer: administration.VerificationState },
  "POST /login": { body: accounts.LoginRequest, answer: accounts.Me },
  "GET /me": { answer: accounts.Me },
  "POST /me/password": { body: accounts.PasswordChange },
  "GET /metrics": { answer: "text/plain" },
  "PUT /deployments/:id/machines/me/log": { body: bytes },
  "GET /logs": { answer: z.array(KeptLog) },
  "GET /machines/:id/log": { query: LogQuery, answer: MachineLog },
  "GET /machines": { answer: z.array(administration.MachineRecord) },
  "GET /machines/:id/variables": variables,
  "POST /machines/:id/variables": changedVariables,
  "GET /shared-packages/:packageId": { answer: sequence.PackageFacts },
  "GET /shared-packages/:packageId/image": { answer: deployment.ImageFacts },
  "GET /shared-packages/:packageId/:offset": { answer: bytes },
  "POST /shared-packages/:packageId/join": { body: deployment.JoinRequest, answer: deployment.JoinAnswer },
  "POST /shared-packages/:packageId/progress": { body: report.Progress, answer: report.ProgressAnswer },
  "POST /packages/:packageId/shared": { body: sequence.SharedRequest, answer: sequence.PackageRecord },
  "GET /packages": { answer: z.array(sequence.PackageRecord) },
  "GET /packages/:packageId": { answer: sequence.PackageRecord },
  "POST /packages/:packageId/multicast": {
    body: administration.MulticastRequest,
    answer: sequence.PackageRecord,
  },
  "POST /packages/:packageId/encryption": {
    body: administration.EncryptionRequest,
    answer: sequence.PackageRecord,
  },
  "POST /packages": { body: sequence.PackageRequest, answer: sequence.PackageRecord },
  "GET /points": { answer: z.array(point.PointRecord) },
  "POST /points": { body: point.PointRequest, answer: point.PointCredential },
  "POST /points/:id": { body: point.PointChange, answer: point.PointRecord },
  "POST /points/:id/credential": { answer: point.PointCredential },
  "POST /images/:id/points": { body: point.ContentPoints, answer: z.array(point.PointRecord) },
  "POST /packages/:packageId/points": { body: point.ContentPoints, answer: z.array(point.PointRecord) },
  "POST /point/enrol": { body: point.PointEnrolRequest, answer: point.PointEnrolAnswer },
  "GET /point/images/:id/manifest": { answer: bytes },
  "GET /point/images/:id/content/:offset": { answer: bytes },
  "POST /point/sync": { body: point.PointSync, answer: point.PointSyncAnswer },
  "GET /policy": { answer: deployment.Policy },
  "GET /pxe": { answer: pxe.PxeStatus },
  "POST /pxe/properties": { body: pxe.PxePropertiesChange, answer: pxe.PxeProperties },
  "POST /pxe/clear": { body: pxe.PxeClearRequest, answer: pxe.PxeClearAnswer },
  "GET /deployments/:id/machines/:machineId/statuses": { answer: z.array(report.KeptStatus) },
  "POST /reports": { body: report.ReportsRequest, answer: report.ReportsAnswer },
  "GET /sequences": { query: sequence.SequenceQuery, answer: z.array(sequence.SequenceRecord) },
  "GET /sequences/:id": { answer: sequence.SequenceDetail },
  "POST /sequences": { body: sequence.SequenceRequest, answer: sequence.SequenceRecord },
  "GET /deployments/:id/sequence/:offset": { answer: bytes },
  "GET /deployments/:id/children/:sequenceId/:offset": { answer: bytes },
  "GET /deployments/:id/applications/:name": { answer: sequence.PackageFacts },
  "GET /deployments/:id/packages/:packageId/:offset": { answer: bytes },
  "GET /machines/:id/state": { answer: sequence.KeptState },
  "GET /deployments/:id/machines/me/state/:offset": { answer: bytes },
  "GET /deployments/:id/children": { answer: sequence.SequenceChildren },
  "GET /deployments/:id/variables": { answer: sequence.SequenceVariables },
  "GET /deployments/:id/machines/me/variables": { answer: sequence.SequenceVariables },
  "GET /drivers": { query: sequence.DriverQuery, answer: z.array(sequence.DriverRecord) },
  "POST /deployments/:id/drivers": { body: sequence.DriverQuestion, answer: sequence.DriverPackages },
  "GET /deployments/:id/packages/:packageId": { answer: sequence.PackageFacts },
  "GET /deployments/:id/packages/:packageId/image": { answer: deployment.ImageFacts },
  "POST /deployments/:id/machines/me/key": { answer: sequence.RunKey },
  "GET /deployments/:id/machines/me/checkpoint": { answer: sequence.RunCheckpointAnswer },
  "PUT /deployments/:id/machines/me/checkpoint": { body: sequence.RunCheckpoint },
  "POST /deployments/:id/machines/me/captured": {
    body: sequence.CapturedRequest,
    answer: sequence.CapturedAnswer,
  },
  "POST /deployments/:id/machines/me/state": { body: sequence.StateRequest, answer: sequence.StateAnswer },
  "PUT /deployments/:id/machines/me/state": { body: sequence.StateStored },
  "PUT /deployments/:id/machines/me/recovery-key": { body: RecoveryKeyRequest },
  "GET /devices/:id/recovery-keys": { answer: z.array(RecoveryKey) },
  "GET /sessions": { answer: z.array(administration.SessionRecord) },
  "GET /status": { query: StatusQuery, answer: z.array(StatusEntry) },
  "GET /site-status": { query: StatusQuery, answer: z.array(SiteStatusEntry) },
  "GET /webhook": { answer: WebhookState },
  "POST /webhook": { body: WebhookRequest, answer: WebhookState },
  "GET /status/export": { query: StatusExportQuery, answer: z.array(StatusEntry), also: "text/csv" },
  "GET /site-status/export": {
    query: StatusExportQuery,
    answer: z.array(SiteStatusEntry),
    also: "text/csv",
  },
  "GET /tokens": { answer: z.array(accounts.TokenRecord) },
  "POST /tokens": { body: accounts.TokenRequest, answer: accounts.TokenAnswer },
  "PUT /uploads/:id/:offset": { body: bytes, answer: sequence.UploadState },
  "POST /uploads": { body: sequence.UploadRequest, answer: sequence.UploadState },
};
