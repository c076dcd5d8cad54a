/** What an applied stack tells the runtime: everything it runs, and nothing that is not in the stack's JSON. */
import type { PolicySource } from '../aws/iam/index.ts';
import type { JsonObject } from './template.ts';

export interface AppliedFunction {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  /** Absolute path of the zip that Terraform would upload. */
  readonly zipPath: string;
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** Undefined where the function shares the account's unreserved concurrency. */
  readonly reservedConcurrency?: number;
  readonly inVpc: boolean;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  /** TCP ports that the function's security groups let out; empty outside a VPC, where no security group applies. */
  readonly egressPorts: readonly number[];
  readonly logGroup: string;
  readonly logFormat: 'JSON' | 'Text';
  readonly applicationLogLevel: string;
  readonly systemLogLevel: string;
  readonly tracing: boolean;
  readonly deadLetterArn?: string;
  /** Attempts after the first of an asynchronous invocation (0 to 2). */
  readonly asyncRetries: number;
  readonly asyncMaximumAgeSeconds: number;
}

export interface EventSourceMapping {
  readonly id: string;
  readonly functionName: string;
  readonly kind: 'sqs' | 'stream';
  readonly sourceArn: string;
  readonly batchSize: number;
  readonly windowSeconds: number;
  /** Event patterns as JSON text; a record passes when one of them matches, or when there is none. */
  readonly filters: readonly string[];
  readonly reportsItemFailures: boolean;
  /** SQS: batches in progress at once. */
  readonly maximumConcurrency?: number;
  readonly bisect: boolean;
  /** Stream: attempts after the first; -1 is without end. */
  readonly retries: number;
  /** Stream: -1 is without end. */
  readonly maximumAgeSeconds: number;
  readonly onFailureArn?: string;
  readonly startingPosition?: 'TRIM_HORIZON' | 'LATEST';
}

export interface Schedule {
  readonly name: string;
  readonly arn: string;
  readonly expression: string;
  readonly targetArn: string;
  readonly roleArn: string;
  readonly input: string;
  readonly retries: number;
  readonly maximumAgeSeconds: number;
}

export interface AppliedResource {
  readonly type: string;
  /** The name in the JSON, not the name at AWS. */
  readonly name: string;
  readonly address: string;
  readonly config: JsonObject;
  readonly attributes: JsonObject;
}

/** A resource that changes nothing on one machine, and why. */
export interface WithoutEffect {
  readonly type: string;
  readonly name: string;
  readonly reason: string;
}

/** A role's identity policies as the stack writes them. */
export interface AppliedRole {
  readonly name: string;
  readonly arn: string;
  readonly policies: readonly PolicySource[];
}

export interface AppliedStack {
  readonly region: string;
  readonly account: string;
  /** By function name at AWS. */
  readonly functions: ReadonlyMap<string, AppliedFunction>;
  readonly eventSources: readonly EventSourceMapping[];
  readonly schedules: readonly Schedule[];
  readonly roles: readonly AppliedRole[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly withoutEffect: readonly WithoutEffect[];
  readonly resources: readonly AppliedResource[];
  /**
   * The one resource of a type, or the one whose name in the JSON is, or ends in, `name`.
   *
   * @throws Error when there is none or more than one
   */
  resource(type: string, name?: string): AppliedResource;
}
