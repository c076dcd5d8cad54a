/** The modules' public contract: constructs, their props, and the lists of permissions that reviewers and tests share. */
export type { RoleMapping } from '../handlers/access/role-mapping.ts';
export type { EventSource, IdentityEventType } from '../handlers/events/catalogue.ts';
export type { AccessProps, TargetOfRoles } from './access/access-configuration-objects.ts';
export { AccessDecision, type AccessDecisionProps } from './access/access-decision.ts';
export { starterPolicies } from './access/policy-files.ts';
export { ActiveDirectoryIntegration, type ActiveDirectoryIntegrationProps } from './active-directory-integration.ts';
export { AuditTrail, type AuditTrailProps } from './audit/audit-trail.ts';
export { DigestKey, type DigestKeyProps } from './audit/digest-key.ts';
export { TrailTable, type TrailTableProps } from './audit/trail-table.ts';
export type { CredentialEndpoints } from './credentials/credential-network.ts';
export type { ReplicaProps, SecretPlaceProps } from './credentials/credential-place.ts';
export type { CredentialProps, ResetByProps, StrategyProps } from './credentials/credential-props.ts';
export { CredentialRotation, type CredentialRotationProps, type DirectoryCredentialsProps } from './credentials/credential-rotation.ts';
export { Credentials, type CredentialsOfDirectory, type CredentialsProps } from './credentials/credentials.ts';
export { type ReaderRole, RotatedCredential } from './credentials/rotated-credential.ts';
export type { RotationWindowProps } from './credentials/rotation-window.ts';
export type { VaultProps } from './credentials/vault-props.ts';
export type { CaptureProps } from './directory/capture.ts';
export {
  type CreatedDirectoryProps,
  Directory,
  type DirectoryProps,
  type ExistingDirectoryProps,
  type LdapsUrl,
  type PlacedDirectoryProps,
} from './directory/directory.ts';
export type { CreatedEndpoints, DirectoryNetworkProps, ExistingEndpoints } from './directory/directory-network.ts';
export { DirectoryWatch, type DirectoryWatchProps } from './directory/directory-watch.ts';
export type { PollSchedule } from './directory/poll-schedule.ts';
export { SecurityLog, type SecurityLogProps, type SecurityLogSource } from './directory/security-log.ts';
export { type ReadLog, SecurityLogReader, type SecurityLogReaderProps } from './directory/security-log-reader.ts';
export {
  type Reaction,
  type SharedByDirectories,
  WatchedDirectory,
  type WatchedDirectoryProps,
  type WatchProps,
} from './directory/watched-directory.ts';
export { IdentityBus, type IdentityBusProps, type IdentityRuleProps } from './events/identity-bus.ts';
export { DeployRole, type DeployRoleProps } from './federation/deploy-role.ts';
export { environmentBoundaryArn } from './federation/deploy-target.ts';
export { EnvironmentBoundary, type EnvironmentBoundaryProps } from './federation/environment-boundary.ts';
export type { FederatedRole, FederatedRoleProps } from './federation/federated-role.ts';
export { type Issuer, type IssuerKind, issuers } from './federation/issuers.ts';
export type { RoleClaim } from './federation/mapped-role.ts';
export { OidcFederation, type OidcFederationProps } from './federation/oidc-federation.ts';
export type { StateProps } from './federation/state-access.ts';
export { type GitHubSubjectProps, type HcpTerraformSubjectProps, type Subject, subjects } from './federation/subjects.ts';
export { FlowAlarm, type FlowAlarmProps } from './operations/flow-alarm.ts';
export { Operations, type OperationsProps } from './operations/operations.ts';
export { Alarm, type AlarmProps } from './platform/alarm.ts';
export { ConfigurationBucket, type ConfigurationObject, type ConfigurationText } from './platform/configuration-bucket.ts';
export { EnvironmentKey, type EnvironmentKeyProps } from './platform/environment-key.ts';
export { HandlerFunction, type HandlerFunctionProps } from './platform/handler-function.ts';
export { IntegrationEnvironment, type IntegrationEnvironmentProps } from './platform/integration-environment.ts';
export { DeadLetterQueue, MessageQueue, type MessageQueueProps } from './platform/message-queue.ts';
export type { ActionReason, Grantee, Statement } from './platform/policy.ts';
export { type ObjectLock, PrivateBucket, type PrivateBucketProps } from './platform/private-bucket.ts';
export { type LogRetentionDays, type NonEmpty, WrongPropError } from './platform/prop-checks.ts';
export { type Runbook, runbooks } from './platform/runbooks.ts';
export { ScheduledCall, type ScheduledCallProps } from './platform/scheduled-call.ts';
export { Table, type TableProps } from './platform/table.ts';
export { AccessReview, type AccessReviewPeriod, type AccessReviewProps } from './roles/access-review.ts';
export { ApprovalKey, type ApprovalKeyProps } from './roles/approval-key.ts';
export { GuardSettlement, type GuardSettlementProps } from './roles/guard-settlement.ts';
export { RoleSync, type RoleSyncProps } from './roles/role-sync.ts';
export { RoleTarget, type RoleTargetProps } from './roles/role-target.ts';
export { TargetAccess, type TargetAccessProps } from './roles/target-access.ts';
export { checkedTargets, type ReconcileProps, type TargetDefinition, type TargetProps, targetOfRoles } from './roles/target-props.ts';
export { surplusReasons, unscopedActions } from './surplus-reasons.ts';
