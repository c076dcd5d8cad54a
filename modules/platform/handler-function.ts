/** A function of the project: its built zip, its own role, log group, dead-letter queue and alarms. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import {
  LambdaEventSourceMapping,
  type LambdaEventSourceMappingConfig,
} from '@cdktf/provider-aws/lib/lambda-event-source-mapping/index.js';
import { LambdaFunction } from '@cdktf/provider-aws/lib/lambda-function/index.js';
import { AssetType, type ITerraformDependable, Lazy, TerraformAsset } from 'cdktf';
import { Construct } from 'constructs';
import { type FunctionName, functions } from '../../handlers/functions.ts';
import { Alarm, type AlarmConfig } from './alarm.ts';
import type { IntegrationEnvironment } from './integration-environment.ts';
import { DeadLetterQueue, type MessageQueue } from './message-queue.ts';
import {
  consumeQueueActions,
  consumeStreamActions,
  describeNetworkActions,
  listStreamsActions,
  logActions,
  networkInterfaceActions,
  postponeMessageActions,
  traceActions,
  useLogKeyActions,
} from './permissions.ts';
import { type Grantee, policyDocument, type Statement, trustPolicy } from './policy.ts';
import { checkPolicySize } from './policy-size.ts';
import { WrongPropError } from './prop-checks.ts';
import { carriesFlow, runbookOf } from './runbooks.ts';
import type { Table } from './table.ts';
import { knownBytes } from './terraform-text.ts';

/** Bytes of names and values that Lambda allows (AWS Lambda Developer Guide, "Lambda quotas": 4 KB). */
const mostEnvironmentBytes = 4096;

export interface HandlerFunctionProps {
  readonly environment: IntegrationEnvironment;
  /** Which function: code, handler and runtime follow from it and cannot be set. */
  readonly function: FunctionName;
  /** Tells several functions of one kind apart: the last part of their names. @default none, there is one */
  readonly instance?: string;
  /** Environment variables, exactly those of the function's own list. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * How the function is invoked, which decides how failures reach its dead-letter queue: an asynchronous invocation and a stream's
   * batch are sent there by Lambda, a queue's message is moved there by SQS.
   */
  readonly invocation: 'asynchronous' | 'stream' | 'queue' | 'fifo-queue';
  readonly timeoutSeconds: number;
  /** Most invocations at a time. @default the account's pool */
  readonly reservedConcurrency?: number;
  /** What has to be there before the function's code runs, and that no variable refers to. @default nothing */
  readonly after?: readonly ITerraformDependable[];
  /** Subnets and security groups to attach to. @default no VPC */
  readonly network?: { readonly subnetIds: readonly string[]; readonly securityGroupIds: readonly string[] };
}

export class HandlerFunction extends Construct implements Grantee {
  /** Name and ARN as references, so that what uses them comes after the function. */
  readonly functionName: string;
  readonly arn: string;
  /** The name itself, which synth knows. */
  readonly plainName: string;
  /** Name of the log group, as a reference. */
  readonly logGroupName: string;
  readonly timeoutSeconds: number;
  readonly deadLetters: DeadLetterQueue;
  readonly #environment: IntegrationEnvironment;
  readonly #function: FunctionName;
  readonly #statements: Statement[] = [];

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    const { environment, variables, network } = props;
    this.#environment = environment;
    this.timeoutSeconds = props.timeoutSeconds;
    const part = props.instance === undefined ? props.function : `${props.function}-${props.instance}`;
    this.#function = props.function;
    this.plainName = environment.resourceName('function', part);
    checkVariables(props.function, variables);

    const logGroup = new CloudwatchLogGroup(this, 'log-group', {
      name: `/aws/lambda/${this.plainName}`,
      retentionInDays: environment.logRetentionDays,
      kmsKeyId: environment.key.arn,
    });
    this.logGroupName = logGroup.name;
    this.deadLetters = new DeadLetterQueue(this, 'dead-letters', {
      environment,
      name: part,
      fifo: props.invocation === 'fifo-queue',
      redrivable: props.invocation === 'queue' || props.invocation === 'fifo-queue',
    });
    const role = new IamRole(this, 'role', {
      name: environment.resourceName('role', part),
      description: `${part}: exactly the calls it makes`,
      assumeRolePolicy: trustPolicy('lambda.amazonaws.com'),
      ...(environment.permissionsBoundaryArn ? { permissionsBoundary: environment.permissionsBoundaryArn } : {}),
    });
    const policy = new IamRolePolicy(this, 'policy', {
      name: props.function,
      role: role.name,
      policy: Lazy.stringValue({ produce: () => policyDocument(this.#statements) }),
    });
    this.allow({ Sid: 'WriteOwnLogs', Effect: 'Allow', Action: logActions, Resource: [`${logGroup.arn}:*`] });
    this.allow({
      Sid: 'UseLogKey',
      Effect: 'Allow',
      Action: useLogKeyActions,
      Resource: [environment.key.arn],
      Condition: { StringEquals: { 'kms:ViaService': `logs.${environment.region}.amazonaws.com` } },
    });
    this.allow({ Sid: 'SendTraces', Effect: 'Allow', Action: traceActions, Resource: ['*'] });
    if (network) this.#allowNetworkAttachment();
    if (props.invocation === 'asynchronous' || props.invocation === 'stream') this.deadLetters.grantSendMessages(this, 'SendDeadLetters');

    const zip = builtZip(props.function);
    const asset = new TerraformAsset(this, 'code', { path: zip.path, type: AssetType.FILE, assetHash: zip.sha256.toString('hex') });
    const lambda = new LambdaFunction(this, 'function', {
      functionName: this.plainName,
      description: `${part} (${functions[props.function]}) of ${environment.prefix} ${environment.name}`,
      role: role.arn,
      filename: asset.path,
      sourceCodeHash: zip.sha256.toString('base64'),
      handler: 'index.handler',
      runtime: 'nodejs22.x',
      architectures: ['arm64'],
      timeout: props.timeoutSeconds,
      memorySize: 512,
      environment: { variables: { ...variables } },
      loggingConfig: { logFormat: 'JSON', applicationLogLevel: 'INFO', systemLogLevel: 'INFO', logGroup: logGroup.name },
      tracingConfig: { mode: 'Active' },
      ...(props.invocation === 'asynchronous' ? { deadLetterConfig: { targetArn: this.deadLetters.arn } } : {}),
      ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...(network ? { vpcConfig: { subnetIds: [...network.subnetIds], securityGroupIds: [...network.securityGroupIds] } } : {}),
      // Lambda tries the role when it attaches a network or a source, so the permissions have to be there first.
      dependsOn: [policy, ...(props.after ?? [])],
    });
    this.functionName = lambda.functionName;
    this.arn = lambda.arn;
    this.#addAlarm('errors', {
      meaning: `${this.plainName} failed: read its log group for the reason and the remedy`,
      metricName: 'Errors',
      stopsFlow: carriesFlow.has(props.function),
      statistic: 'Sum',
      threshold: 1,
      // A queue or a stream tries again soon. The next call by a schedule may be more than five minutes away: one failure has to be enough.
      datapointsToAlarm: props.invocation === 'asynchronous' ? 1 : 2,
    });
    // A call that finds the function's own concurrency in use waits its turn, and is none too many; only when it never comes, something hangs.
    const minutes = props.reservedConcurrency === undefined ? 5 : 15;
    this.#addAlarm('throttles', {
      meaning: `${this.plainName} was throttled for ${minutes} minutes: look at the account's concurrency quota and who uses it, and at how long the function runs`,
      metricName: 'Throttles',
      statistic: 'Sum',
      threshold: 1,
      evaluationPeriods: minutes,
      datapointsToAlarm: minutes,
    });
  }

  allow(statement: Statement): void {
    if (this.#statements.some(({ Sid }) => Sid === statement.Sid)) {
      throw new WrongPropError(`statement "${statement.Sid}" was given to ${this.plainName} twice: grant it once`);
    }
    this.#statements.push(statement);
    checkPolicySize(this.plainName, policyDocument(this.#statements));
  }

  /**
   * Invokes the function with messages of a queue; a message that fails is retried alone, the others of its batch are done.
   *
   * @param props.postpones whether the function itself puts a message that failed off by seconds; false: it comes again after the queue's
   *   visibility timeout, for a function that does not reach SQS. True where it is left out
   * @param props.windowSeconds longest wait for a batch to fill; more than ten messages take at least one second (AWS Lambda API Reference,
   *   CreateEventSourceMapping). None where it is left out
   */
  consumeQueue(
    queue: MessageQueue,
    props: {
      readonly batchSize: number;
      readonly maximumConcurrency: number;
      readonly postpones?: boolean;
      readonly windowSeconds?: number;
    },
  ): void {
    const actions = [...consumeQueueActions, ...((props.postpones ?? true) ? postponeMessageActions : [])];
    this.allow({ Sid: 'ConsumeQueue', Effect: 'Allow', Action: actions, Resource: [queue.arn] });
    this.#addSource('queue-source', {
      eventSourceArn: queue.arn,
      batchSize: props.batchSize,
      ...(props.windowSeconds === undefined ? {} : { maximumBatchingWindowInSeconds: props.windowSeconds }),
      scalingConfig: { maximumConcurrency: props.maximumConcurrency },
    });
  }

  /**
   * Invokes the function with a table's changes, in order, from the oldest one on. A batch that fails is halved until the bad record is
   * found; that record is retried while the stream keeps it, and only then sent to the dead-letter queue.
   *
   * @param after what has to be there before the first change is read
   * @param pattern an event filter (AWS Lambda Developer Guide, "Using event filtering with a DynamoDB event source")
   */
  consumeStream(table: Table, pattern: object, after: string[]): void {
    this.allow({ Sid: 'ConsumeStream', Effect: 'Allow', Action: consumeStreamActions, Resource: [table.streamArn] });
    this.allow({ Sid: 'ListStreams', Effect: 'Allow', Action: listStreamsActions, Resource: ['*'] });
    this.#addSource('stream-source', {
      eventSourceArn: table.streamArn,
      startingPosition: 'TRIM_HORIZON',
      batchSize: 100,
      parallelizationFactor: 1,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 10_000,
      // An hour before the stream forgets it: a record that expires there reaches no dead-letter queue.
      maximumRecordAgeInSeconds: 82_800,
      filterCriteria: { filter: [{ pattern: JSON.stringify(pattern) }] },
      destinationConfig: { onFailure: { destinationArn: this.deadLetters.arn } },
    }).dependsOn = after;
    // A stream that is not read shows in no error count: its records only grow older.
    this.#addAlarm('behind', {
      meaning: `${this.plainName} is behind the stream by five minutes: its log group says what holds it up`,
      metricName: 'IteratorAge',
      statistic: 'Maximum',
      threshold: 300_000,
      datapointsToAlarm: 2,
      stopsFlow: carriesFlow.has(this.#function),
    });
  }

  #addSource(id: string, config: Omit<LambdaEventSourceMappingConfig, 'functionName'>): LambdaEventSourceMapping {
    return new LambdaEventSourceMapping(this, id, {
      ...config,
      functionName: this.arn,
      functionResponseTypes: ['ReportBatchItemFailures'],
    });
  }

  #allowNetworkAttachment(): void {
    const environment = this.#environment;
    this.allow({
      Sid: 'LambdaAttachesNetwork',
      Effect: 'Allow',
      Action: networkInterfaceActions,
      Resource: [environment.arn('ec2', '*/*')],
    });
    this.allow({ Sid: 'LambdaReadsNetwork', Effect: 'Allow', Action: describeNetworkActions, Resource: ['*'] });
    // Only calls from within the function carry this key, so Lambda itself still attaches it (AWS Lambda Developer Guide, "Giving Lambda
    // functions access to resources in an Amazon VPC"). The ARN is written out: a reference would make role and function need each other.
    this.allow({
      Sid: 'CodeTouchesNoNetwork',
      Effect: 'Deny',
      Action: [...networkInterfaceActions, ...describeNetworkActions],
      Resource: ['*'],
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': environment.arn('lambda', `function:${this.plainName}`) } },
    });
  }

  #addAlarm(id: string, config: Pick<AlarmConfig, 'meaning' | 'metricName' | 'statistic' | 'threshold'> & Partial<AlarmConfig>): void {
    new Alarm(this, id, {
      period: 60,
      evaluationPeriods: 5,
      comparisonOperator: 'GreaterThanOrEqualToThreshold',
      treatMissingData: 'notBreaching',
      runbook: runbookOf[this.#function],
      ...config,
      environment: this.#environment,
      alarmName: `${this.plainName}-${id}`,
      namespace: 'AWS/Lambda',
      dimensions: { FunctionName: this.plainName },
    });
  }
}

/** SHA-256 of all functions' zips together, in hex: the revision of the code that is deployed. @throws WrongPropError when they are not built */
export function codeRevision(): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(functions) as FunctionName[]) hash.update(builtZip(name).sha256);
  return hash.digest('hex');
}

function builtZip(name: FunctionName): { path: string; sha256: Buffer } {
  const relative = `dist/handlers/${functions[name]}/${name}.zip`;
  const path = fileURLToPath(new URL(`../../${relative}`, import.meta.url));
  if (!existsSync(path)) throw new WrongPropError(`code of ${name} is missing at ${relative}: run "npm run build" first`);
  return { path, sha256: createHash('sha256').update(readFileSync(path)).digest() };
}

function checkVariables(name: FunctionName, variables: Readonly<Record<string, string>>): void {
  const bytes = Object.entries(variables).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + knownBytes(value), 0);
  if (bytes > mostEnvironmentBytes) {
    throw new WrongPropError(
      `environment variables of ${name} take ${bytes} bytes, Lambda allows ${mostEnvironmentBytes}: shorten the longest value`,
    );
  }
}
