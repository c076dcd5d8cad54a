/** One environment of the integration: where it lives, how its resources are called, and what all of them share. */
import { Token } from 'cdktf';
import { Construct } from 'constructs';
import { EnvironmentKey } from './environment-key.ts';
import { formats, type LogRetentionDays, logRetention, matching, WrongPropError } from './prop-checks.ts';
import { defaultRunbookBaseUrl } from './runbooks.ts';

/** First part of every resource's name, where nobody gives another. */
export const defaultPrefix = 'ad-lambda';

export interface IntegrationEnvironmentProps {
  /** Name of the environment, a part of every resource's name: `dev`. */
  readonly name: string;
  /** Account the environment is deployed to, 12 digits. ARNs are written with it, so that a plan needs no account. */
  readonly account: string;
  /** Region the environment is deployed to: `eu-central-1`. */
  readonly region: string;
  /** @default 'aws' */
  readonly partition?: 'aws' | 'aws-us-gov' | 'aws-cn';
  /** First part of every resource's name. @default 'ad-lambda' */
  readonly prefix?: string;
  /** ARNs that every alarm notifies, SNS topics as a rule. @default none: alarms show in CloudWatch alone */
  readonly alarmActions?: readonly string[];
  /** Where the runbooks are that alarms link to, a page `<runbook>.md` each: `https://git.example.com/ad-lambda/docs/runbooks`. @default 'docs/runbooks', as in this repository */
  readonly runbookBaseUrl?: string;
  /** Days the functions' logs are kept. @default 90 */
  readonly logRetentionDays?: LogRetentionDays;
  /** Permissions boundary of every role. @default none */
  readonly permissionsBoundaryArn?: string;
  /** Tables, the audit trail with its key, the configuration bucket and a created directory survive a destroy. Turn it off for an environment made to be thrown away. @default true */
  readonly deletionProtection?: boolean;
}

/** Longest name of each kind of resource that carries a part of ours (the services' own API references). */
const longestNames = {
  function: 64,
  role: 64,
  queue: 80,
  rule: 64,
  archive: 48,
  bucket: 63,
  schedule: 64,
  bus: 256,
  table: 255,
  dashboard: 255,
  alarm: 255,
  securityGroup: 255,
} as const;
export type NamedKind = keyof typeof longestNames;

export class IntegrationEnvironment extends Construct {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  readonly prefix: string;
  readonly alarmActions: readonly string[];
  readonly runbookBaseUrl: string;
  readonly logRetentionDays: number;
  readonly permissionsBoundaryArn: string | undefined;
  readonly deletionProtection: boolean;
  /** Encrypts every log group of the environment. */
  readonly key: EnvironmentKey;

  constructor(scope: Construct, id: string, props: IntegrationEnvironmentProps) {
    super(scope, id);
    const word = 'give lower-case letters, digits and "-", starting with a letter';
    this.name = matching('name', props.name, /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, word);
    this.prefix = matching('prefix', props.prefix ?? defaultPrefix, /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, word);
    if (/^(?:aws|amazon|xn|sthree)(?:-|$)/.test(this.prefix)) {
      throw new WrongPropError(`prefix is "${this.prefix}": AWS reserves names that start like this, choose another word`);
    }
    this.account = matching('account', props.account, formats.account, 'give the 12 digits of the account id');
    this.region = matching('region', props.region, formats.region, 'give a region such as eu-central-1');
    this.partition = matching('partition', props.partition ?? 'aws', /^aws(?:-us-gov|-cn)?$/, 'give "aws", "aws-us-gov" or "aws-cn"');
    const expected = /^(us-gov|cn)-/.exec(this.region)?.[1];
    if (!Token.isUnresolved(this.region) && this.partition !== (expected ? `aws-${expected}` : 'aws')) {
      throw new WrongPropError(
        `partition is "${this.partition}": region ${this.region} is in "aws${expected ? `-${expected}` : ''}", give that`,
      );
    }
    if (!Array.isArray(props.alarmActions ?? [])) {
      throw new WrongPropError(`alarmActions is ${JSON.stringify(props.alarmActions)}: give a list of ARNs`);
    }
    this.alarmActions = (props.alarmActions ?? []).map((arn) =>
      matching('alarmActions', arn, formats.alarmAction, 'give the ARN of an SNS topic or another alarm action'),
    );
    if (this.alarmActions.length > 5) {
      throw new WrongPropError(`alarmActions has ${this.alarmActions.length} entries: CloudWatch takes five, give one topic that fans out`);
    }
    this.runbookBaseUrl =
      props.runbookBaseUrl === undefined
        ? defaultRunbookBaseUrl
        : matching('runbookBaseUrl', props.runbookBaseUrl, formats.baseUrl, 'give an https:// address without a "/" at its end');
    this.logRetentionDays = logRetention('logRetentionDays', props.logRetentionDays ?? 90);
    this.permissionsBoundaryArn =
      props.permissionsBoundaryArn &&
      matching('permissionsBoundaryArn', props.permissionsBoundaryArn, formats.policyArn, 'give the ARN of an IAM policy');
    this.deletionProtection = props.deletionProtection ?? true;
    this.key = new EnvironmentKey(this, 'key', {
      owner: `${this.prefix} ${this.name}`,
      alias: `${this.prefix}-${this.name}-logs`,
      partition: this.partition,
      account: this.account,
      region: this.region,
      logGroups: [`/aws/lambda/${this.resourceName('function', '*')}`, `${this.path('audit')}`],
      deletionWindowDays: this.deletionProtection ? 30 : 7,
      preventDestroy: this.deletionProtection,
    });
  }

  /**
   * Name of a resource: `<prefix>-<environment>-<part>`. Names are explicit, so that policies can name ARNs before they exist and a
   * reader of a plan, a log or a bill knows what a thing belongs to.
   *
   * @param shorten what the message says to shorten when the service would refuse the name's length
   * @throws WrongPropError when it would
   */
  resourceName(kind: NamedKind, part: string, shorten = "prefix or the environment's name"): string {
    const name = `${this.prefix}-${this.name}-${part}`;
    if (name.length > longestNames[kind]) {
      throw new WrongPropError(
        `name of the ${kind} "${name}" has ${name.length} characters, ${longestNames[kind]} are allowed: shorten ${shorten}`,
      );
    }
    return name;
  }

  /** Namespace of the environment's own metrics. */
  get metricNamespace(): string {
    return `${this.prefix}/${this.name}`;
  }

  /** Name of what services call by a path, log groups and secrets: `/<prefix>/<environment>/<part>`. */
  path(part: string): string {
    return `/${this.prefix}/${this.name}/${part}`;
  }

  /** ARN of a resource of this account and region: `arn('lambda', 'function:x')`. */
  arn(service: string, resource: string): string {
    return `arn:${this.partition}:${service}:${this.region}:${this.account}:${resource}`;
  }
}
