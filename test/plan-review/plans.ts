/** Plans as `terraform show -json` writes them, small and made by hand. */
import { review } from '../../modules/plan-review/review.ts';
import type { Finding } from '../../modules/plan-review/reviewed.ts';

export type Attributes = Readonly<Record<string, unknown>>;

export interface ResourceChange {
  readonly address: string;
  readonly mode: 'managed' | 'data';
  readonly type: string;
  readonly change: Readonly<Record<string, unknown>> & { readonly actions: readonly string[] };
}

/** Names as cdktf makes them: construct path and hash. */
const named = (type: string, place: string): string => `${type}.integration_${place}_0A1B2C3D`;

const resource = (
  type: string,
  place: string,
  actions: readonly string[],
  before: unknown,
  after: unknown,
  more: Attributes = {},
): ResourceChange => ({
  address: named(type, place),
  mode: 'managed',
  type,
  change: { actions, before, after, after_unknown: {}, before_sensitive: {}, after_sensitive: {}, ...more },
});

export const created = (type: string, after: Attributes, place = 'access_thing', more: Attributes = {}): ResourceChange =>
  resource(type, place, ['create'], null, after, more);
export const updated = (
  type: string,
  before: Attributes,
  after: Attributes,
  place = 'access_thing',
  more: Attributes = {},
): ResourceChange => resource(type, place, ['update'], before, { ...before, ...after }, more);
export const replaced = (
  type: string,
  before: Attributes,
  after: Attributes,
  place = 'access_thing',
  more: Attributes = {},
): ResourceChange => resource(type, place, ['create', 'delete'], before, { ...before, ...after }, more);
export const deleted = (type: string, before: Attributes, place = 'access_thing'): ResourceChange =>
  resource(type, place, ['delete'], before, null);
export const forgotten = (type: string, before: Attributes, place = 'access_thing'): ResourceChange =>
  resource(type, place, ['forget'], before, null);
export const unchanged = (type: string, values: Attributes, place = 'access_thing'): ResourceChange =>
  resource(type, place, ['no-op'], values, values);

/** The text of a plan. */
export const planOf = (changes: readonly ResourceChange[], more: Attributes = {}): string =>
  JSON.stringify({ format_version: '1.2', terraform_version: '1.11.4', resource_changes: changes, ...more });

export const findingsIn = async (changes: readonly ResourceChange[], more: Attributes = {}): Promise<readonly Finding[]> =>
  (await review(planOf(changes, more), undefined)).findings;

export const policy = (...statements: readonly object[]): string => JSON.stringify({ Version: '2012-10-17', Statement: statements });

/** A statement as the modules write them. */
export const allow = (Action: string | readonly string[], Resource: string | readonly string[], more: Attributes = {}): object => ({
  Sid: 'Own',
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
export const queue = 'arn:aws:sqs:eu-central-2:111122223333:ad-lambda-prod-decide-access';

/** A policy of a role that is made in the same plan. */
export const newRolePolicy = (text: string): ResourceChange =>
  created('aws_iam_role_policy', { policy: text }, 'access_new', { after_unknown: { role: true } });
