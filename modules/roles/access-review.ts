/** The regular review of access: review-access reads who holds what and why, and writes a report to the reports bucket. It changes nothing else. */
import { Construct } from 'constructs';
import type { Environment } from '../../handlers/platform/environment.ts';
import type { reviewAccessEnvironment } from '../../handlers/roles/review-access/environment.ts';
import type { AccessDecision } from '../access/access-decision.ts';
import type { DirectoryWatch } from '../directory/directory-watch.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { LogMetrics } from '../platform/log-metrics.ts';
import { WrongPropError } from '../platform/prop-checks.ts';
import { ScheduledCall } from '../platform/scheduled-call.ts';
import { keepReviewsActions, missReportsActions, readDriftActions, reviewLedgerActions } from './permissions.ts';
import type { RoleSync } from './role-sync.ts';

/** A report in each calendar period, UTC. `never`: only `npm run access-review -- generate` makes one. */
export type AccessReviewPeriod = 'day' | 'week' | 'month' | 'quarter' | 'never';

export interface AccessReviewProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly directory: DirectoryWatch;
  readonly access: AccessDecision;
  readonly roles: RoleSync;
  /** @default 'month' */
  readonly every?: AccessReviewPeriod;
}

const periods: readonly AccessReviewPeriod[] = ['day', 'week', 'month', 'quarter', 'never'];

export class AccessReview extends Construct {
  readonly reviewAccess: HandlerFunction;

  constructor(scope: Construct, id: string, props: AccessReviewProps) {
    super(scope, id);
    const { environment, bus, directory, access, roles } = props;
    const every = checkedPeriod(props.every ?? 'month');
    const logonDomains = directory.directories
      .filter(({ attributes }) => attributes.some((name) => name.toLowerCase() === 'lastlogontimestamp'))
      .map((watched) => watched.directory.domain);
    const targets = roles.targets.map(({ name }) => name);
    const variables: Environment<typeof reviewAccessEnvironment> = {
      DEPLOYMENT: `${environment.prefix}-${environment.name}`,
      TARGETS: targets.join(','),
      REVIEW_EVERY: every,
      LOGON_DOMAINS: logonDomains.join(',') || 'none',
      DIRECTORY_TABLE: directory.table.name,
      GRANTS_TABLE: access.grants.name,
      ROLES_TABLE: roles.ledger.name,
      ACCESS_BUCKET: access.configuration.bucket,
      ACCESS_KEY: access.configuration.key,
      REPORT_BUCKET: roles.reports.name,
      IDENTITY_BUS: bus.name,
    };
    this.reviewAccess = new HandlerFunction(this, 'review-access', {
      environment,
      function: 'review-access',
      variables,
      invocation: 'asynchronous',
      timeoutSeconds: 840,
      after: [access.configuration.resource],
    });
    access.grantScanGrants(this.reviewAccess);
    access.grantReadMappings(this.reviewAccess);
    if (logonDomains.length > 0) directory.grantLookUpObjects(this.reviewAccess);
    const allow = (Sid: string, Action: readonly string[], Resource: readonly string[]) =>
      this.reviewAccess.allow({ Sid, Effect: 'Allow', Action, Resource });
    // Of every target that there ever was: what was made at one that was taken out is still there.
    allow('ReviewLedger', reviewLedgerActions, [roles.ledger.arn]);
    allow('KeepReviews', keepReviewsActions, [`${roles.reports.arn}/access-review/*`]);
    allow(
      'ReadDrift',
      readDriftActions,
      targets.map((target) => `${roles.reports.arn}/reconcile/${target}/latest.json`),
    );
    allow('MissReports', missReportsActions, [roles.reports.arn]);
    bus.grantPutEvents(this.reviewAccess, 'active-directory.roles');
    if (every !== 'never') {
      new ScheduledCall(this, 'schedule', {
        environment,
        name: 'schedule-review-access',
        description: 'reviews access once a period',
        // The function knows whether a report is due: one that failed is made with the next call.
        minutes: 60,
        function: this.reviewAccess,
        input: {},
      });
    }
    new LogMetrics(this, 'metrics', {
      environment,
      function: this.reviewAccess,
      metrics: [
        { name: 'AccessReviews', messages: ['ACCESS_REVIEWED'] },
        { name: 'AccessReviewExceptions', messages: ['ACCESS_REVIEWED'], field: '$.exceptions' },
      ],
    });
  }
}

function checkedPeriod(every: AccessReviewPeriod): AccessReviewPeriod {
  if (!periods.includes(every))
    throw new WrongPropError(`accessReviewEvery is ${JSON.stringify(every)}: give "${periods.slice(0, -1).join('", "')}" or "never"`);
  return every;
}
