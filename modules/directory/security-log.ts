/**
 * Where a directory's Security log arrives in CloudWatch Logs: forwarded by AWS Directory Service into a log group made for it, or written
 * into a log group that a team has, by the CloudWatch agent on its domain controllers.
 */
import { CloudwatchLogGroup } from '@cdktf/provider-aws/lib/cloudwatch-log-group/index.js';
import { CloudwatchLogResourcePolicy } from '@cdktf/provider-aws/lib/cloudwatch-log-resource-policy/index.js';
import { DirectoryServiceLogSubscription } from '@cdktf/provider-aws/lib/directory-service-log-subscription/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { policyDocument } from '../platform/policy.ts';
import { matching, WrongPropError } from '../platform/prop-checks.ts';
import { forwardLogActions } from './permissions.ts';

/** A log group has room for two subscription filters; one of them is ours. */
export type SecurityLogProps =
  /** AWS Directory Service forwards the log of an AWS Managed Microsoft AD, one that is created or named by its `directoryId`. */
  | { readonly managed: true; readonly logGroupName?: never }
  /** Name of a log group of the environment's account and region, with Windows events as XML. */
  | { readonly logGroupName: string; readonly managed?: never };

export interface SecurityLogSource {
  readonly environment: IntegrationEnvironment;
  /** Name of the directory, the last part of the resources' names. */
  readonly name: string;
  readonly log: SecurityLogProps;
  /** Id of the AWS Managed Microsoft AD, when it is one. */
  readonly directoryId: string | undefined;
}

export class SecurityLog extends Construct {
  readonly logGroupName: string;
  /** Without the `:*` of its streams. */
  readonly logGroupArn: string;

  constructor(scope: Construct, id: string, props: SecurityLogSource) {
    super(scope, id);
    const { environment, log } = props;
    if (log.managed === undefined) {
      this.logGroupName = matching(
        'securityLog.logGroupName',
        log.logGroupName,
        /^[\w./#-]{1,512}$/,
        "give the name of a log group of the environment's account and region, or { managed: true }",
      );
      // read-security-log writes to such a group itself: what it writes would invoke it again.
      if (this.logGroupName.startsWith('/aws/lambda/')) {
        throw new WrongPropError(
          `securityLog.logGroupName is "${this.logGroupName}", a log group of a Lambda function: give the one that the domain controllers write their Security log to`,
        );
      }
      this.logGroupArn = environment.arn('logs', `log-group:${this.logGroupName}`);
      return;
    }
    if (log.managed !== true || log.logGroupName !== undefined) {
      throw new WrongPropError(`securityLog is ${JSON.stringify(log)}: give either { managed: true } or { logGroupName }`);
    }
    if (props.directoryId === undefined) {
      throw new WrongPropError(
        `securityLog of directory "${props.name}" is managed: give the directoryId of an AWS Managed Microsoft AD, or the logGroupName that the domain controllers write to`,
      );
    }
    const group = new CloudwatchLogGroup(this, 'log-group', {
      // What AWS Directory Service offers to write to starts like this. The name is known before the directory's id is.
      name: `/aws/directoryservice/${environment.prefix}-${environment.name}-${props.name}`,
      retentionInDays: environment.logRetentionDays,
      // Not with the environment's key: that AWS Directory Service writes to a group with a customer managed key is documented nowhere.
    });
    this.logGroupName = group.name;
    this.logGroupArn = group.arn;
    this.#forward(environment, props.name, props.directoryId, group);
  }

  /** An account has ten such policies in a region (CloudWatch Logs API Reference, PutResourcePolicy). */
  #forward(environment: IntegrationEnvironment, name: string, directoryId: string, group: CloudwatchLogGroup): void {
    const policy = new CloudwatchLogResourcePolicy(this, 'policy', {
      policyName: `${environment.prefix}-${environment.name}-security-log-${name}`,
      policyDocument: policyDocument([
        {
          Sid: 'DirectoryServiceForwards',
          Effect: 'Allow',
          Principal: { Service: 'ds.amazonaws.com' },
          Action: forwardLogActions,
          Resource: [`${group.arn}:*`],
          // AWS Directory Service Administration Guide, "Cross-service confused deputy prevention".
          Condition: { StringEquals: { 'aws:SourceAccount': environment.account } },
        },
      ]),
    });
    new DirectoryServiceLogSubscription(this, 'subscription', { directoryId, logGroupName: group.name, dependsOn: [policy] });
  }
}
