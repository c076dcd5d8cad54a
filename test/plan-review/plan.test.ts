/** Reading a plan: actions, domains, what is open, what is secret. */
import { describe, expect, it } from 'vitest';
import { readPlan } from '../../modules/plan-review/plan.ts';
import { unknownText } from '../../modules/plan-review/plan-values.ts';
import { created, deleted, forgotten, planOf, type ResourceChange, replaced, unchanged, updated } from './plans.ts';

const only = (change: ResourceChange, more: Readonly<Record<string, unknown>> = {}) => {
  const [found] = readPlan(planOf([change], more)).changes;
  if (found === undefined) throw new Error('no change was read');
  return found;
};
const configured = (address: string, expressions: unknown) => ({
  configuration: { root_module: { resources: [{ address, expressions }] } },
});

describe('a plan', () => {
  it('GIVEN the actions of Terraform THEN each is read as one', () => {
    const actions = [
      created('a', {}),
      updated('a', {}, {}),
      replaced('a', {}, {}),
      deleted('a', {}),
      forgotten('a', {}),
      unchanged('a', {}),
    ];
    expect(readPlan(planOf(actions)).changes.map(({ action }) => action)).toEqual([
      'create',
      'update',
      'replace',
      'delete',
      'forget',
      'none',
    ]);
  });

  it('GIVEN data sources THEN they are no changes', () => {
    expect(readPlan(planOf([{ ...created('a', {}), mode: 'data' }])).changes).toEqual([]);
  });

  it.each([
    ['directory_watched-corp_poll_schedule', {}, 'directory'],
    ['access_grants_table', {}, 'access'],
    ['roles_target-wiki_queue', {}, 'roles'],
    ['credentials_rotation-corp_table', {}, 'credentials'],
    ['audit_log-group', {}, 'audit'],
    ['bus_archive', {}, 'events'],
    ['environment_key_key', {}, 'platform'],
    ['unheard-of', { name: 'ad-lambda-prod-decide-access' }, 'access'],
    ['unheard-of', { name: 'billing' }, 'other'],
  ] as const)('GIVEN the construct path %s with %j THEN its domain is %s', (place, values, domain) => {
    expect(only(created('aws_iam_role', values, place)).domain).toBe(domain);
  });

  it('GIVEN a configuration object THEN it belongs to access, whose function reads it', () => {
    expect(only(created('aws_s3_object', { key: 'policies/0f54.cedar' }, 'configuration_policy-x')).domain).toBe('access');
  });

  it('GIVEN a text that is known after apply only THEN its references are read where the plan knows them', () => {
    const queue = created('aws_sqs_queue', { name: 'q' }, 'access_queue', { after_unknown: { arn: true } });
    const table = created(
      'aws_dynamodb_table',
      { name: 'grants', arn: 'arn:aws:dynamodb:eu-central-2:111122223333:table/grants' },
      'access_table',
    );
    const policy = created('aws_iam_role_policy', {}, 'access_policy', { after_unknown: { policy: true, id: true } });
    const text = `$\{${table.address}.arn}, $\{${queue.address}.arn}, $$\{aws:username}`;
    const { changes } = readPlan(planOf([queue, table, policy], configured(policy.address, { policy: { constant_value: text } })));
    expect(changes[2]?.after).toEqual({
      policy: `arn:aws:dynamodb:eu-central-2:111122223333:table/grants, ‹${queue.address}.arn›, $\{aws:username}`,
      id: unknownText,
    });
  });

  it('GIVEN variables of a function that are open as a whole THEN each is filled in', () => {
    const change = created('aws_lambda_function', { environment: [{}] }, 'roles_x', {
      after_unknown: { environment: [{ variables: true }] },
    });
    const expressions = { environment: [{ variables: { constant_value: { TARGET: '{"a":1}', QUEUE: '$' + '{aws_sqs_queue.x.url}' } } }] };
    expect(only(change, configured(change.address, expressions)).after).toEqual({
      environment: [{ variables: { TARGET: '{"a":1}', QUEUE: '‹aws_sqs_queue.x.url›' } }],
    });
  });

  it('GIVEN sensitive values THEN they are masked before and after, and in what refers to them', () => {
    const secret = updated('random_password', { result: 'hunter1' }, { result: 'hunter2' }, 'x', {
      before_sensitive: { result: true },
      after_sensitive: { result: true },
    });
    const user = created('aws_lambda_function', {}, 'y', { after_unknown: { description: true } });
    const text = `$\{${secret.address}.result}`;
    const plan = readPlan(planOf([secret, user], configured(user.address, { description: { constant_value: text } })));
    expect(plan.changes[0]).toMatchObject({ before: { result: '(sensitive)' }, after: { result: '(sensitive)' }, exposed: [] });
    expect(plan.changes[1]?.after).toEqual({ description: `‹${secret.address}.result›` });
    expect(JSON.stringify(plan)).not.toMatch(/hunter/);
  });

  it.each([
    ['2.0', /is none of 1.x/],
    ['0.2', /is none of 1.x/],
    ['', /is none of 1.x/],
  ])('fails on format_version %j', (version, message) => {
    expect(() => readPlan(planOf([], { format_version: version }))).toThrow(message);
  });

  it('GIVEN a later minor version with what nobody knows here THEN it is read', () => {
    expect(readPlan(planOf([created('a', {})], { format_version: '1.9', news: true })).changes).toHaveLength(1);
  });

  it.each([['[]'], ['null'], ['{"format_version": 1}'], ['{"format_version": "1.2", "resource_changes": {}}']])(
    'fails on %s, which is no plan',
    (text) => {
      expect(() => readPlan(text)).toThrow(/this is no plan/);
    },
  );
});
