import { TargetChanges } from '../target-changes.ts';
import type { PolicyDocument, PolicySource } from './iam/index.ts';
import { IdentityProviders } from './identity-providers.ts';
import { type CallRecord, type Fault, Pipeline } from './pipeline.ts';
import { serve } from './server.ts';
import type { Caller, Surroundings } from './service.ts';
import { cloudwatch } from './services/cloudwatch.ts';
import { directoryService } from './services/directory-service.ts';
import { dynamodb } from './services/dynamodb.ts';
import { ec2 } from './services/ec2.ts';
import { events } from './services/events.ts';
import { iam } from './services/iam.ts';
import { iamFederation } from './services/iam-federation.ts';
import { identityTokens } from './services/identity-tokens.ts';
import { identitystore } from './services/identitystore.ts';
import { kms } from './services/kms.ts';
import { type Invoke, lambda } from './services/lambda.ts';
import { logs } from './services/logs.ts';
import { type Metric, type MetricIdentity, MetricStore } from './services/metric-store.ts';
import { s3 } from './services/s3.ts';
import { scheduler } from './services/scheduler.ts';
import { secretsmanager } from './services/secretsmanager.ts';
import { sqs } from './services/sqs.ts';
import { type Provisioning, ssoAdmin } from './services/sso-admin.ts';
import { sts } from './services/sts.ts';
import { webIdentity } from './services/web-identity.ts';
import { xray } from './services/xray.ts';
import { type Credentials, Identities } from './session.ts';

export { AwsError } from './error.ts';
export type { CallRecord, Fault } from './pipeline.ts';
export type { Caller } from './service.ts';
export type { Datapoint, Metric } from './services/metric-store.ts';
export type { Provisioning, ProvisioningRequest } from './services/sso-admin.ts';
export type { Credentials } from './session.ts';

/** An AWS-compatible endpoint on loopback, for the operations that this project uses. */
export interface AwsEndpoint {
  /** e.g. `http://127.0.0.1:41234`, for AWS_ENDPOINT_URL. */
  readonly url: string;
  readonly region: string;
  readonly account: string;
  readonly identityStoreId: string;
  /** Account that IAM Identity Center is in. */
  readonly identityCenterAccount: string;
  /**
   * A call from within the process, with the input and output of the SDK's command. It passes the same authorization, faults and log as
   * one over HTTP.
   * @throws AwsError
   */
  call(caller: Caller, service: string, operation: string, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** A role of this account, or of another one, which this account's roles may assume where both sides allow it. */
  defineRole(role: {
    readonly arn: string;
    readonly trustPolicy: PolicyDocument;
    readonly policies: readonly PolicySource[];
    readonly boundary?: PolicySource;
    readonly tags?: Record<string, string>;
    /** @default 3600 */
    readonly maxSessionSeconds?: number;
  }): void;
  /** Where on loopback an identity provider's issuer answers, in place of DNS: `https://idp.example.com`, `http://127.0.0.1:41234`. */
  resolveIssuer(issuer: string, url: string): void;
  /** New temporary credentials of a session, as a Lambda function gets them. */
  credentialsFor(roleArn: string, sessionName: string): Credentials;
  /** Credentials that are allowed everything. */
  readonly operator: Credentials;
  readonly calls: readonly CallRecord[];
  clearCalls(): void;
  /** @returns what removes the fault */
  inject(fault: Fault): () => void;
  /** What metric filters counted in log events, and what PutMetricData brought: by minute of the event's own time. */
  metrics(): readonly Metric[];
  /** What a service counts of itself: `AWS/Lambda`. */
  count(metric: MetricIdentity, value: number): void;
  /** How Identity Center's own work ends from now on: assignments, and the provisioning of permission sets. */
  provisioning: Provisioning;
  /** Ends at once what is under way. */
  endProvisioning(): void;
  /** What functions, and what operators by hand, changed at IAM Identity Center, as it saw it. */
  readonly identityCenterChanges: TargetChanges;
  readonly identityCenterChangesByHand: TargetChanges;
  /** The inline policy of each permission set as it stands in each account in which the set is provisioned. */
  provisionedPolicies(): readonly { readonly permissionSetArn: string; readonly accountId: string; readonly inlinePolicy: string }[];
  /** What EventBridge's archives hold, in the order it was taken: each event as its targets get it. */
  archivedEvents(): readonly string[];
  /** Batches of log events on their way from subscription filters to functions. */
  readonly pendingLogDeliveries: number;
  /** Rotations of secrets that Secrets Manager has begun, and not ended or given up. */
  readonly pendingRotations: number;
  /** Whether Lambda reads this event source mapping: a person may have disabled it. */
  polls(mappingId: string): boolean;
  /** Reserved concurrency that a person gave the function after it was declared. */
  reservedConcurrency(functionName: string): number | undefined;
  /** Who executes Lambda's Invoke. */
  onInvoke(invoke: Invoke): void;
  /** Resolves as soon as the stream has records after the given one, or when the time is over. */
  waitForStream(streamArn: string, afterSequenceNumber: string | undefined, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface EndpointOptions {
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  /** e.g. `d-1234567890`. */
  readonly identityStoreId: string;
  /** Twelve digits. @default `account` */
  readonly identityCenterAccount?: string;
  /** @default 0, any free port */
  readonly port?: number;
  /** Calls a second that each Identity Store operation takes before it throttles, and all of IAM Identity Center's own together; AWS allows 20. @default unlimited */
  readonly identityStoreCallsPerSecond?: number;
}

export async function startEndpoint(options: EndpointOptions): Promise<AwsEndpoint> {
  const { region, account, identityStoreId, identityCenterAccount = options.account } = options;
  const identities = new Identities();
  const providers = new IdentityProviders();
  const executing = (session: { readonly roleArn: string; readonly sessionName: string }) => functions.executing(session);
  const pipeline: Pipeline = new Pipeline(identities, { region, account, executing });
  let url = '';
  const keys = kms({ region, account });
  const surroundings: Surroundings = { region, account, url: () => url, call: pipeline.call, key: keys.key };
  const functions = lambda(surroundings);
  const tables = await dynamodb(surroundings);
  const metrics = new MetricStore();
  const secrets = secretsmanager(surroundings, functions.runtime);
  const logGroups = logs(surroundings, metrics);
  const ofIdentityCenter = { ...surroundings, account: identityCenterAccount };
  const [byFunctions, byHand] = [new TargetChanges(), new TargetChanges()];
  const changes = (caller: Caller) => (caller === 'operator' ? byHand : byFunctions);
  const identityStore = identitystore(ofIdentityCenter, identityStoreId, changes, options.identityStoreCallsPerSecond);
  let provisioning: Provisioning = {};
  const singleSignOn = ssoAdmin(ofIdentityCenter, identityStore.exists, changes, () => provisioning, options.identityStoreCallsPerSecond);
  const eventBridge = events(surroundings);
  const tokens = identityTokens(surroundings, identities, executing);
  pipeline.add(
    tables,
    functions,
    keys,
    sqs(surroundings),
    eventBridge,
    { ...identityStore, account: identityCenterAccount },
    { ...singleSignOn, account: identityCenterAccount },
    logGroups,
    secrets,
    s3(surroundings),
    scheduler(surroundings),
    cloudwatch(surroundings, metrics),
    directoryService(surroundings),
    ec2(surroundings),
    xray(),
    sts(surroundings, identities, { webIdentity: webIdentity(identities, providers, tokens.issuer), identityTokens: tokens }),
    iam(surroundings, identities, iamFederation(surroundings, providers, tokens)),
  );
  const server = await serve({ pipeline, identities, region, port: options.port ?? 0, documents: tokens.document });
  url = server.url;

  return {
    url,
    region,
    account,
    identityStoreId,
    identityCenterAccount,
    call: pipeline.call,
    defineRole: (role) => identities.define(role),
    resolveIssuer: (issuer, at) => providers.resolve(issuer, at),
    credentialsFor: (roleArn, sessionName) => identities.credentialsFor(roleArn, sessionName),
    operator: identities.operator,
    calls: pipeline.calls,
    clearCalls: () => {
      pipeline.calls.length = 0;
    },
    inject: (fault) => pipeline.inject(fault),
    metrics: () => metrics.all(),
    count: (metric, value) => metrics.add(metric, Date.now(), value),
    get provisioning() {
      return provisioning;
    },
    set provisioning(next) {
      provisioning = next;
    },
    endProvisioning: () => singleSignOn.endProvisioning(),
    identityCenterChanges: byFunctions,
    identityCenterChangesByHand: byHand,
    provisionedPolicies: () => singleSignOn.provisionedPolicies(),
    archivedEvents: () => eventBridge.archived(),
    get pendingLogDeliveries() {
      return logGroups.pending;
    },
    get pendingRotations() {
      return secrets.pendingRotations;
    },
    polls: (mappingId) => functions.polls(mappingId),
    reservedConcurrency: (functionName) => functions.reserved(functionName),
    onInvoke: (invoke) => functions.onInvoke(invoke),
    async waitForStream(streamArn, afterSequenceNumber, timeoutMs) {
      const stream = tables.streams.get(streamArn);
      if (!stream) throw new Error(`no stream ${streamArn}; DescribeTable gives a table's LatestStreamArn`);
      await stream.waitFor(afterSequenceNumber, timeoutMs);
    },
    async close() {
      // The door first: a call that came in meanwhile would meet services that are closed.
      await server.close();
      await pipeline.close();
    },
  };
}
