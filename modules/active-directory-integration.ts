/** The whole integration for one environment: what a platform team instantiates. */
import { Aspects, type IAspect, TerraformResource } from 'cdktf';
import { Construct, type IConstruct } from 'constructs';
import type { AccessProps } from './access/access-configuration-objects.ts';
import { AccessDecision } from './access/access-decision.ts';
import { AuditTrail } from './audit/audit-trail.ts';
import { Credentials, type CredentialsOfDirectory } from './credentials/credentials.ts';
import { DirectoryWatch } from './directory/directory-watch.ts';
import type { WatchedDirectoryProps } from './directory/watched-directory.ts';
import { IdentityBus } from './events/identity-bus.ts';
import { Operations } from './operations/operations.ts';
import { ConfigurationBucket } from './platform/configuration-bucket.ts';
import { IntegrationEnvironment, type IntegrationEnvironmentProps } from './platform/integration-environment.ts';
import type { ObjectLock } from './platform/private-bucket.ts';
import { type LogRetentionDays, type NonEmpty, WrongPropError } from './platform/prop-checks.ts';
import { AccessReview, type AccessReviewPeriod } from './roles/access-review.ts';
import { RoleSync } from './roles/role-sync.ts';
import { checkedTargets, type TargetProps, targetOfRoles } from './roles/target-props.ts';

export interface ActiveDirectoryIntegrationProps extends IntegrationEnvironmentProps, AccessProps {
  /** The directories to follow, as a rule one; domains of one forest, or separate forests. */
  readonly directories: NonEmpty<WatchedDirectoryProps>;
  /** Where roles become groups, memberships and access to accounts: as a rule IAM Identity Center, and any place that speaks SCIM 2.0. */
  readonly targets: NonEmpty<TargetProps>;
  /** Accounts of the directories whose passwords rotate, an entry a directory. @default none */
  readonly credentials?: NonEmpty<CredentialsOfDirectory>;
  /** How often a report says who holds what and why. @default 'month' */
  readonly accessReviewEvery?: AccessReviewPeriod;
  /** Days the event archive keeps events for a replay. @default 30 */
  readonly archiveRetentionDays?: number;
  /** Days the audit trail is kept, in its log group and locked in its bucket. @default 400 */
  readonly auditRetentionDays?: LogRetentionDays;
  /** How the audit trail's bucket is locked: nobody at all can delete from it in mode `compliance`. @default 'governance' */
  readonly auditLock?: ObjectLock['mode'];
  /** Whether there is a CloudWatch dashboard for on-call. @default true */
  readonly dashboard?: boolean;
  /** Tags of every resource, besides `Project` and `Environment`. @default none */
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * @example
 * new ActiveDirectoryIntegration(stack, 'integration', {
 *   name: 'dev',
 *   account: '111122223333',
 *   region: 'eu-central-1',
 *   directories: [{ existing: { domain: 'corp.example.com', ldapsUrls: ['ldaps://dc1.corp.example.com:636'], caCertificate, network } }],
 *   roleMappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' }],
 *   targets: [{ identityCenter: { identityStoreId: 'd-1234567890' } }],
 * });
 */
export class ActiveDirectoryIntegration extends Construct {
  readonly environment: IntegrationEnvironment;
  /** Add rules to it for whatever else should follow the directory. */
  readonly bus: IdentityBus;
  readonly directory: DirectoryWatch;
  readonly access: AccessDecision;
  readonly roles: RoleSync;
  readonly accessReview: AccessReview;
  /** There when credentials are to rotate. */
  readonly credentials: Credentials | undefined;
  readonly audit: AuditTrail;
  readonly operations: Operations;

  constructor(scope: Construct, id: string, props: ActiveDirectoryIntegrationProps) {
    super(scope, id);
    this.environment = new IntegrationEnvironment(this, 'environment', props);
    const { environment } = this;
    const targets = checkedTargets(props.targets, environment);
    const configuration = new ConfigurationBucket(this, 'configuration', { environment });
    this.bus = new IdentityBus(this, 'bus', { environment, ...optional('archiveRetentionDays', props.archiveRetentionDays) });
    const { bus } = this;
    this.directory = new DirectoryWatch(this, 'directory', { environment, bus, directories: props.directories });
    this.access = new AccessDecision(this, 'access', {
      environment,
      bus,
      directory: this.directory,
      configuration,
      targets: Object.fromEntries(targets.map((target) => [target.settings.name, targetOfRoles(target)])),
      roleMappings: props.roleMappings,
      ...optional('policies', props.policies),
      ...optional('onViolation', props.onViolation),
      ...optional('revalidateEveryHours', props.revalidateEveryHours),
    });
    this.roles = new RoleSync(this, 'roles', { environment, bus, access: this.access, targets });
    this.accessReview = new AccessReview(this, 'access-review', {
      ...{ environment, bus, directory: this.directory, access: this.access, roles: this.roles },
      ...optional('every', props.accessReviewEvery),
    });
    this.credentials =
      props.credentials &&
      new Credentials(this, 'credentials', { environment, bus, directory: this.directory, credentials: props.credentials });
    this.audit = new AuditTrail(this, 'audit', {
      environment,
      bus,
      configurationRevision: this.access.configurationRevision,
      ...optional('retentionDays', props.auditRetentionDays),
      ...optional('lock', props.auditLock),
    });
    // The last: it shows what is there by now.
    this.operations = new Operations(this, 'operations', {
      environment,
      directory: this.directory,
      roles: this.roles,
      audit: this.audit,
      ...optional('credentials', this.credentials),
      ...optional('dashboard', props.dashboard),
    });
    Aspects.of(this).add(new Tagging({ Project: environment.prefix, Environment: environment.name, ...checkedTags(props.tags ?? {}) }));
  }
}

/** Gives every resource that takes tags the same ones. */
class Tagging implements IAspect {
  readonly #tags: Readonly<Record<string, string>>;

  constructor(tags: Readonly<Record<string, string>>) {
    this.#tags = tags;
  }

  visit(node: IConstruct): void {
    if (node instanceof TerraformResource && 'tagsInput' in node) {
      const tagged = node as TerraformResource & { tags: Record<string, string>; readonly tagsInput?: Record<string, string> };
      tagged.tags = { ...this.#tags, ...tagged.tagsInput };
    }
  }
}

/** An S3 object takes ten tags (Amazon S3 User Guide, "Categorizing your objects using tags"), two of them are ours. */
function checkedTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const count = Object.keys(tags).length;
  if (count > 8)
    throw new WrongPropError(`tags has ${count} entries: an S3 object takes eight besides Project and Environment, give fewer`);
  for (const [key, value] of Object.entries(tags)) {
    if (typeof value !== 'string') throw new WrongPropError(`tags has "${key}" as ${JSON.stringify(value)}: give text`);
    if (/^aws:/i.test(key)) throw new WrongPropError(`tags has "${key}": AWS reserves keys that start with "aws:", choose another`);
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u.test(key) || !/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(value)) {
      throw new WrongPropError(
        `tags has "${key.slice(0, 40)}": keys and values take letters, digits, spaces and _ . : / = + - @, leave out the rest`,
      );
    }
    if (key.length > 128 || value.length > 256) {
      throw new WrongPropError(`tags has "${key.slice(0, 40)}": keys take 128 characters and values 256, shorten it`);
    }
  }
  return tags;
}

/** The property when it has a value: `exactOptionalPropertyTypes` tells a missing one from one that is undefined. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
