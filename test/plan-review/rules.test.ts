/** Every rule is violated by plans of its own, and by none that only comes near. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { markdownOf } from '../../modules/plan-review/report/markdown.ts';
import { reviewJson } from '../../modules/plan-review/report/review-json.ts';
import { sarifOf } from '../../modules/plan-review/report/sarif.ts';
import { review } from '../../modules/plan-review/review.ts';
import { rules } from '../../modules/plan-review/rules.ts';
import { allow, created, findingsIn, newRolePolicy, planOf, policy, queue, unchanged, updated } from './plans.ts';
import { cases } from './violations.ts';

/** Those about access need a configuration: `access.test.ts` violates them. */
const ofAccess = rules.map(({ id }) => id).filter((id) => id.startsWith('access-'));

describe('the rules of a review', () => {
  it('GIVEN the table THEN each rule has plans that violate it, or is one about access', () => {
    expect([...Object.keys(cases), ...ofAccess].sort()).toEqual(rules.map(({ id }) => id).sort());
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  });

  it('GIVEN the table THEN the page lists each rule with its severity and title', () => {
    const page = readFileSync(new URL('../../docs/plan-review.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| `([\w-]+)`\s+\| (\w+)\s+\| (.*?)\s+\|$/gm)].map(([, id, severity, title]) => [
      id,
      severity,
      title,
    ]);
    expect(listed).toEqual(rules.map(({ id, severity, title }) => [id, severity, title]));
  });

  describe.each(Object.entries(cases))('%s', (rule, { violating, fine }) => {
    it.each(violating.map((changes, index) => [index, changes] as const))(
      'GIVEN a plan that violates it (%i) THEN it is found at the resource',
      async (_, changes) => {
        const places = (await findingsIn(changes)).filter((finding) => finding.rule === rule);
        expect(places.length).toBeGreaterThan(0);
        expect(changes.map(({ address }) => address)).toEqual(expect.arrayContaining(places.map(({ address }) => address)));
        expect(places.every(({ detail }) => detail !== '')).toBe(true);
      },
    );

    it.each(fine.map((changes, index) => [index, changes] as const))(
      'GIVEN a plan that only comes near (%i) THEN it is not found',
      async (_, changes) => {
        expect((await findingsIn(changes)).filter((finding) => finding.rule === rule)).toEqual([]);
      },
    );
  });

  it('GIVEN a plan that violates none THEN nothing is found', async () => {
    const plan = [
      unchanged('aws_dynamodb_table', { name: 't', deletion_protection_enabled: false }),
      newRolePolicy(policy(allow('sqs:SendMessage', queue))),
      created('aws_iam_role_policy', { role: 'r', policy: policy(allow('sqs:SendMessage', queue)) }),
      created(
        'aws_iam_role',
        {
          name: 'r',
          assume_role_policy: policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }),
        },
        'access_r',
      ),
      updated('aws_lambda_function', { timeout: 30, memory_size: 256 }, { memory_size: 512 }),
      created('aws_cloudwatch_metric_alarm', { threshold: 1 }),
    ];
    expect(await findingsIn(plan)).toEqual([]);
  });

  it('GIVEN secrets in a plan THEN no report tells one', async () => {
    const changes = cases['secret-in-plan']?.violating.flat() ?? [];
    const output = { actions: ['create'], before: null, after: 'hunter2-not-to-be-told', after_sensitive: false };
    const { reviewed, findings } = await review(planOf(changes, { output_changes: { password: output } }), undefined);
    const reports = [
      markdownOf(reviewed, findings),
      JSON.stringify(reviewJson(reviewed, findings)),
      JSON.stringify(sarifOf(findings, 'plan.json')),
      JSON.stringify(reviewed),
    ];
    expect(findings.map(({ address }) => address)).toContain('output.password');
    for (const report of reports) expect(report).not.toMatch(/hunter2|AKIAIOSFODNN7EXAMPLE/);
  });
});
