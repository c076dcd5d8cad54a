/** Plans of the example by Terraform and the AWS provider: a first one, and one that changes what the first has made. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { markdownOf } from '../../modules/plan-review/report/markdown.ts';
import { type Review, review } from '../../modules/plan-review/review.ts';
import { copyOfExample, plannedExample, variablesOf } from '../examples/planned.ts';
import { findTerraform, planned } from '../examples/terraform.ts';
import { type Folder, temporaryFolder } from '../examples/workspace.ts';
import { appliedState } from './applied-state.ts';

const terraform = await findTerraform();
const missing = 'missing' in terraform ? terraform.missing : undefined;
if (missing) console.warn(`NOT TESTED: reviews of real plans, because ${missing}`);

test('GIVEN a CI WHEN reviews are tested THEN Terraform and the AWS provider are there', (context) => {
  context.skip(!process.env.CI && missing !== undefined, missing);
  expect(missing).toBeUndefined();
});

interface Synthesized {
  readonly resource: Readonly<Record<string, Record<string, Record<string, unknown>>>>;
}

describe.skipIf(missing !== undefined)('reviews of plans of prod', () => {
  let folder: Folder;
  let [first, changed]: [Review | undefined, Review | undefined] = [undefined, undefined];

  beforeAll(async () => {
    if ('missing' in terraform) return;
    const plan = await plannedExample(terraform, 'prod');
    first = await review(JSON.stringify(plan), undefined);
    folder = await temporaryFolder();
    const stack = await copyOfExample(terraform, 'prod', folder.path);
    await writeFile(join(stack, 'terraform.tfstate'), appliedState(plan));
    await change(join(stack, 'cdk.tf.json'));
    changed = await review(JSON.stringify(await planned(stack, variablesOf('prod'), ['-refresh=false'])), undefined);
  }, 480_000);

  afterAll(() => folder?.remove());

  const reviewed = (which: Review | undefined): Review => {
    if (which === undefined) throw new Error('there is no review: see what the planning says');
    return which;
  };

  test('GIVEN the first plan THEN nothing is found above a note', () => {
    const { findings } = reviewed(first);
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
    expect(findings.length).toBeGreaterThan(0);
  });

  test('GIVEN the first plan THEN every resource has a domain, and every policy can be read although its ARNs are known after apply only', () => {
    const { plan, policies } = reviewed(first).reviewed;
    expect(plan.changes.length).toBeGreaterThan(150);
    expect(plan.changes.filter(({ domain }) => domain === 'other')).toEqual([]);
    expect(policies.length).toBeGreaterThan(30);
    expect(policies.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(policies.some(({ hasOpenReferences }) => hasOpenReferences)).toBe(true);
    expect(policies.flatMap(({ statements }) => statements).every(({ kind }) => kind === 'new')).toBe(true);
  });

  test('GIVEN the first plan THEN mappings, policies and cost are told, in what a comment of a code host may hold', () => {
    const { reviewed: found, findings } = reviewed(first);
    const markdown = markdownOf(found, findings);
    expect(markdown).toContain('| `developers` | new | – |');
    expect(markdown).toContain('Policy `tiering.cedar` (new):');
    expect(markdown).toMatch(/\| KMS key \| 3 \| \$3\.00 \|/);
    expect(markdown.length).toBeLessThan(65_536);
  });

  test('GIVEN changes of what was made THEN these are found, and nothing else', () => {
    const { findings, reviewed: found } = reviewed(changed);
    const told = findings.map(({ rule, address, detail }) => `${rule} ${address.split('.')[0]}: ${detail}`);
    expect(told.sort()).toEqual([
      expect.stringMatching(/^access-changed aws_s3_object: mapping auditors \(changed\)$/),
      'alarm-weakened aws_cloudwatch_composite_alarm: ad-lambda-prod-decide-access-errors does not set it off any more',
      expect.stringMatching(/^alarm-weakened aws_cloudwatch_metric_alarm: it is deleted$/),
      expect.stringMatching(/^guard-raised aws_lambda_function: guard.revocations.run.most goes from 25 to 500$/),
      expect.stringMatching(/^permission-widens aws_iam_role_policy: statement \w+ allows 1 more: Allow dynamodb:DeleteTable on arn:aws:/),
      // The table that takes its place has another ARN.
      expect.stringMatching(
        /^permission-widens aws_iam_role_policy: statement KeepHints allows 1 more: .* on ‹aws_dynamodb_table\.\S+\.arn›$/,
      ),
      expect.stringMatching(
        /^permission-widens aws_iam_role_policy: statement ReadHints allows 1 more: .* on ‹aws_dynamodb_table\.\S+\.arn›$/,
      ),
      expect.stringMatching(
        /^permission-widens aws_iam_role_policy: statement TakeTurns allows 2 more: .* on ‹aws_dynamodb_table\.\S+\.arn›$/,
      ),
      expect.stringMatching(/^retention-lowered aws_cloudwatch_log_group: retention_in_days goes from \d+ to 7$/),
      expect.stringMatching(/^state-destroyed aws_dynamodb_table: it is replaced because of name: its items would be lost$/),
    ]);
    expect(found.access.difference.mappings).toMatchObject([
      { id: 'auditors', kind: 'changed', before: '{"role":"auditors"}', after: '{"role":"examiners"}' },
    ]);
  });
});

/** Seven changes that a reviewer has to see. */
async function change(file: string): Promise<void> {
  const { resource, ...rest } = JSON.parse(await readFile(file, 'utf8')) as Synthesized;
  const one = (type: string, part: string) => {
    const [name] = Object.keys(resource[type] ?? {}).filter((key) => key.includes(part));
    const found = name === undefined ? undefined : resource[type]?.[name];
    if (name === undefined || found === undefined) throw new Error(`no ${type} with ${part}`);
    return { name, found };
  };
  const decide = one('aws_iam_role_policy', 'decide-access_policy').found;
  decide.policy = String(decide.policy).replace('"dynamodb:GetItem"', '"dynamodb:GetItem","dynamodb:DeleteTable"');
  one('aws_cloudwatch_log_group', 'audit_log-group').found.retention_in_days = 7;
  const alarm = one('aws_cloudwatch_metric_alarm', 'decide-access_errors').name;
  delete resource.aws_cloudwatch_metric_alarm?.[alarm];
  const flow = one('aws_cloudwatch_composite_alarm', 'operations_flow').found;
  const alarms = String(flow.alarm_rule).split(' OR ');
  flow.alarm_rule = alarms.filter((text) => !text.includes(`.${alarm}.`)).join(' OR ');
  const { variables: settings } = one('aws_lambda_function', 'target-identity-center_sync-roles').found.environment as {
    variables: Record<string, string>;
  };
  settings.TARGET = String(settings.TARGET).replace('"run":{"most":25', '"run":{"most":500');
  const access = one('aws_s3_object', 'configuration_access').found;
  access.content = String(access.content).replace('"role": "auditors"', '"role": "examiners"');
  access.key = 'access/00000000ffffffff.json';
  one('aws_dynamodb_table', 'directory_actors').found.name = 'ad-lambda-prod-actors-anew';
  await writeFile(file, JSON.stringify({ ...rest, resource }));
}
