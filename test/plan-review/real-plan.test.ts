/** Plans of the examples by Terraform and the AWS provider: what the modules make is reviewed without an error. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { markdownOf } from '../../modules/plan-review/report/markdown.ts';
import { type Review, review } from '../../modules/plan-review/review.ts';
import { findTerraform, initialize, validateAndPlan } from '../examples/terraform.ts';
import { type Folder, root, synthesize, temporaryFolder } from '../examples/workspace.ts';
import { caCertificate } from '../modules/integration.ts';

const terraform = await findTerraform();
const missing = 'missing' in terraform ? terraform.missing : undefined;
if (missing) console.warn(`NOT TESTED: reviews of real plans, because ${missing}`);

test('GIVEN a CI WHEN reviews are tested THEN Terraform and the AWS provider are there', (context) => {
  context.skip(!process.env.CI && missing !== undefined, missing);
  expect(missing).toBeUndefined();
});

describe.skipIf(missing !== undefined)('a review of the first plan of staging', () => {
  let folder: Folder;
  let found: Review;

  beforeAll(async () => {
    if ('missing' in terraform) return;
    folder = await temporaryFolder();
    expect(await synthesize(root, join(folder.path, 'out'))).toMatchObject({ code: 0 });
    const stack = join(folder.path, 'out', 'stacks', 'staging');
    await initialize(terraform, [stack]);
    const plan = await validateAndPlan(stack, { directory_ca: caCertificate, scim_endpoint: 'https://wiki.example.com/scim/v2' });
    found = await review(JSON.stringify(plan), undefined);
  }, 240_000);

  afterAll(() => folder?.remove());

  test('THEN it finds nothing above a note', () => {
    expect(found.findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
    expect(found.findings.length).toBeGreaterThan(0);
  });

  test('THEN every resource has a domain, and every policy can be read although its ARNs are known after apply only', () => {
    const { plan, policies } = found.reviewed;
    expect(plan.changes.length).toBeGreaterThan(150);
    expect(plan.changes.filter(({ domain }) => domain === 'other')).toEqual([]);
    expect(policies.length).toBeGreaterThan(30);
    expect(policies.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(policies.some(({ hasOpenReferences }) => hasOpenReferences)).toBe(true);
    expect(policies.flatMap(({ statements }) => statements).every(({ kind }) => kind === 'new')).toBe(true);
  });

  test('THEN mappings, policies and the cost of the directory are told', () => {
    const markdown = markdownOf(found.reviewed, found.findings);
    expect(markdown).toContain('| `developers` | new | – |');
    expect(markdown).toContain('Policy `tiering.cedar` (new):');
    expect(markdown).toMatch(/\| Managed Microsoft AD, Standard \| 1 \| \$87\.60 \|/);
    // What a comment of a code host may hold.
    expect(markdown.length).toBeLessThan(65_536);
  });
});
