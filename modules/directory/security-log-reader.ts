/** Reads the Security logs of an environment's directories: who did it goes to the actors table, and detect-changes is woken at once. */
import { CloudwatchLogSubscriptionFilter } from '@cdktf/provider-aws/lib/cloudwatch-log-subscription-filter/index.js';
import { LambdaPermission } from '@cdktf/provider-aws/lib/lambda-permission/index.js';
import { Construct } from 'constructs';
import type { readSecurityLogEnvironment } from '../../handlers/directory/read-security-log/environment.ts';
import { eventIdsOfInterest } from '../../handlers/directory/security-log/event-ids.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type LogMetric, LogMetrics } from '../platform/log-metrics.ts';
import { invokeActions } from '../platform/permissions.ts';
import type { Table } from '../platform/table.ts';
import { keepHintsActions, takeTurnsActions } from './permissions.ts';
import type { SecurityLog } from './security-log.ts';

/** A Security log that is read. */
export interface ReadLog {
  /** Name of the directory. */
  readonly name: string;
  readonly log: SecurityLog;
  /** The detect-changes that its events wake. @default none: they only tell who did it */
  readonly wake?: HandlerFunction;
}

export interface SecurityLogReaderProps {
  readonly environment: IntegrationEnvironment;
  readonly actors: Table;
  readonly logs: readonly ReadLog[];
}

/**
 * The events that read-security-log knows, by their ids as XML has them (CloudWatch Logs User Guide, "Filter pattern syntax": `?` makes a term
 * one of several; a pattern has up to 1,024 characters). Most of a Security log is log-ons, and stays where it is.
 */
export const securityEventPattern = eventIdsOfInterest.map((id) => `?">${id}<"`).join(' ');

const metrics: readonly LogMetric[] = [
  { name: 'SecurityEvents', messages: ['SECURITY_LOG_READ'], field: '$.events' },
  { name: 'ActorHints', messages: ['SECURITY_LOG_READ'], field: '$.hints' },
  // Of the kinds of what is dropped, those that are no other event and no text beside events.
  { name: 'SecurityEventsCutOff', messages: ['SECURITY_LOG_READ'], field: '$.dropped.cut-off' },
  { name: 'SecurityEventsMalformed', messages: ['SECURITY_LOG_READ'], field: '$.dropped.malformed' },
  { name: 'SecurityEventsTooLarge', messages: ['SECURITY_LOG_READ'], field: '$.dropped.too-large' },
  { name: 'SecurityEventsHostile', messages: ['SECURITY_LOG_READ'], field: '$.dropped.hostile' },
];

export class SecurityLogReader extends Construct {
  readonly readSecurityLog: HandlerFunction;

  constructor(scope: Construct, id: string, { environment, actors, logs }: SecurityLogReaderProps) {
    super(scope, id);
    const woken = logs.flatMap(({ wake }) => wake ?? []);
    const variables: Environment<typeof readSecurityLogEnvironment> = {
      ACTORS_TABLE: actors.name,
      SECURITY_LOGS: JSON.stringify(logs.map(({ log, wake }) => ({ logGroup: log.logGroupName, wake: wake?.functionName }))),
    };
    this.readSecurityLog = new HandlerFunction(this, 'read-security-log', {
      environment,
      function: 'read-security-log',
      variables,
      invocation: 'asynchronous',
      timeoutSeconds: 30,
    });
    const allow = (Sid: string, Action: readonly string[], Resource: readonly string[]) =>
      this.readSecurityLog.allow({ Sid, Effect: 'Allow', Action, Resource });
    allow('KeepHints', keepHintsActions, [actors.arn]);
    if (woken.length > 0) {
      allow('TakeTurns', takeTurnsActions, [actors.arn]);
      allow(
        'WakeDetectChanges',
        invokeActions,
        woken.map(({ arn }) => arn),
      );
    }
    for (const { name, log } of logs) this.#subscribe(environment, name, log);
    new LogMetrics(this, 'metrics', {
      environment,
      function: this.readSecurityLog,
      metrics,
      dimension: { name: 'LogGroup', field: '$.logGroup' },
    });
  }

  #subscribe(environment: IntegrationEnvironment, name: string, log: SecurityLog): void {
    // CloudWatch Logs User Guide, "Log group-level subscription filters": the group with its streams, and the account against a confused deputy.
    const permission = new LambdaPermission(this, `permission-${name}`, {
      functionName: this.readSecurityLog.functionName,
      statementId: `security-log-${name}`,
      action: 'lambda:InvokeFunction',
      principal: 'logs.amazonaws.com',
      sourceArn: `${log.logGroupArn}:*`,
      sourceAccount: environment.account,
    });
    new CloudwatchLogSubscriptionFilter(this, `filter-${name}`, {
      name: `${environment.prefix}-${environment.name}-read-security-log`,
      logGroupName: log.logGroupName,
      filterPattern: securityEventPattern,
      destinationArn: this.readSecurityLog.arn,
      dependsOn: [permission],
    });
  }
}
