import type { PolicySource } from './iam/index.ts';

/** Who calls: a role session, an AWS service acting for itself, or the sandbox's operator (allowed everything, logged). */
export type Caller =
  | { readonly roleArn: string; readonly sessionName: string; readonly given?: SessionGrant }
  | { readonly service: string; readonly sourceArn?: string }
  | 'operator';

/** What STS gave a session beside its role. */
export interface SessionGrant {
  /** Session tags, the inherited ones among them. */
  readonly tags: Readonly<Record<string, string>>;
  /** Keys of those that the next session of a chain inherits. */
  readonly transitiveTagKeys: readonly string[];
  /** Epoch milliseconds. */
  readonly expires: number;
  /** ARN of the provider whose token it was given for. */
  readonly federatedProvider?: string;
}

/** Whoever calls without a signature: a party without an account or policies of its own. */
export const anonymous = { service: 'anonymous' } as const satisfies Caller;

export type Input = Readonly<Record<string, unknown>>;
export type Output = Record<string, unknown>;
export type ConditionContext = Readonly<Record<string, string | readonly string[]>>;

/** One question to IAM. A call that touches several resources asks several, and all must be allowed (Service Authorization Reference). */
export interface Authorization {
  readonly action: string;
  readonly resource: string;
  readonly context?: ConditionContext;
  readonly resourcePolicy?: PolicySource;
  /** True where the resource policy alone delegates to IAM, as KMS key policies and trust policies do. */
  readonly delegationRequired?: boolean;
  /** Account that owns the resource. @default the service's */
  readonly resourceAccount?: string;
}

export interface Operation {
  authorize(input: Input, caller: Caller): readonly Authorization[];
  run(input: Input, caller: Caller): Promise<Output> | Output;
}

export interface Service {
  /** IAM prefix, which is also the signing name but for cloudwatch. */
  readonly name: string;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Account that owns what the service keeps. @default the endpoint's */
  readonly account?: string;
  close?(): Promise<void> | void;
}

/** A call through the whole pipeline: authorization, faults, service, log. */
export type Call = (caller: Caller, service: string, operation: string, input: Input) => Promise<Output>;

/** What a service gets to know about where it runs. */
export interface Surroundings {
  readonly region: string;
  readonly account: string;
  /** The endpoint's URL, known once it listens. */
  readonly url: () => string;
  readonly call: Call;
  /** The ARN and policy of a customer managed key named by id or ARN. */
  readonly key: (keyId: string) => Pick<Authorization, 'resource' | 'resourcePolicy'>;
}

interface ErrorStyle {
  readonly denied: readonly [code: string, status: number];
  readonly throttled: readonly [code: string, status: number];
}

const json: ErrorStyle = { denied: ['AccessDeniedException', 400], throttled: ['ThrottlingException', 400] };
const query: ErrorStyle = { denied: ['AccessDenied', 403], throttled: ['Throttling', 400] };

/** The codes of refused and throttled calls, where a service differs from its protocol's habit (each service's "Common errors" page). */
const styles: Readonly<Record<string, ErrorStyle>> = {
  sts: query,
  iam: query,
  cloudwatch: query,
  sqs: { denied: ['AccessDeniedException', 403], throttled: ['RequestThrottled', 403] },
  lambda: { denied: ['AccessDeniedException', 403], throttled: ['TooManyRequestsException', 429] },
  scheduler: { denied: ['AccessDeniedException', 403], throttled: ['ThrottlingException', 429] },
  xray: { denied: ['AccessDeniedException', 403], throttled: ['ThrottledException', 429] },
  ec2: { denied: ['UnauthorizedOperation', 403], throttled: ['RequestLimitExceeded', 503] },
  s3: { denied: ['AccessDenied', 403], throttled: ['SlowDown', 503] },
};

export const errorStyle = (service: string): ErrorStyle => styles[service] ?? json;
