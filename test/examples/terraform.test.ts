/** The three examples pass `terraform plan`, which validates them first, with the real AWS provider, without an account. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plannedExample, type StackName } from './planned.ts';
import { synthesizedExamples } from './synthesized.ts';
import { findTerraform, type Plan } from './terraform.ts';

const names = ['dev', 'staging', 'prod'] as const;
/** Six are in each. Staging and prod read a Security log, dev and prod rotate credentials, and each target has two of its own: one at staging, two elsewhere. */
const functions = { dev: 12, staging: 10, prod: 13 } as const;
/** Schedules call close-audit, review-access, detect-changes, decide-access, each target's reconcile, and rotate-credential where there is one. */
const schedules = { dev: 7, staging: 5, prod: 7 } as const;
const terraform = await findTerraform();
const missing = 'missing' in terraform ? terraform.missing : undefined;
if (missing) console.warn(`NOT TESTED: terraform plan of the examples, because ${missing}`);

test('GIVEN a CI WHEN the examples are tested THEN Terraform and the AWS provider are there', (context) => {
  context.skip(!process.env.CI && missing !== undefined, missing);
  expect(missing).toBeUndefined();
});

describe.skipIf(missing !== undefined)('with Terraform and the AWS provider', () => {
  const plans = new Map<string, Promise<Plan>>();

  beforeAll(() => {
    if ('missing' in terraform) return;
    const plan = (name: StackName) => plannedExample(terraform, name);
    // Each takes a core: two at a time. Whoever awaits a plan sees its failure.
    const dev = plan('dev');
    const staging = plan('staging');
    const after = (other: Promise<Plan>, name: StackName) => Promise.allSettled([other]).then(() => plan(name));
    for (const [name, promise] of [
      ['dev', dev],
      ['staging', staging],
      ['prod', after(dev, 'prod')],
      ['deployment', after(staging, 'deployment')],
    ] as const) {
      promise.catch(() => {});
      plans.set(name, promise);
    }
  });

  afterAll(() => Promise.allSettled(plans.values()), 240_000);

  const planOf = (name: string): Promise<Plan> => plans.get(name) ?? Promise.reject(new Error(`no plan of ${name}`));

  test.each(names)('GIVEN %s WHEN planned THEN it only creates, and every function is among it', { timeout: 240_000 }, async (name) => {
    const plan = await planOf(name);
    const managed = plan.resource_changes.filter(({ mode }) => mode === 'managed');
    expect(new Set(managed.flatMap(({ change }) => change.actions))).toEqual(new Set(['create']));
    expect(managed.filter(({ type }) => type === 'aws_lambda_function')).toHaveLength(functions[name]);
  });

  test.each(names)('GIVEN %s WHEN planned THEN the plan shows no secret value', { timeout: 240_000 }, async (name) => {
    const plan = await planOf(name);
    const values = plan.resource_changes.flatMap(({ address, change }) =>
      namedValues(change.after).map((entry) => ({ address, ...entry })),
    );
    expect(values.length).toBeGreaterThan(500);
    const secrets = values.filter(
      ({ key, value }) =>
        /^(?:password|secret_string|secret_binary|secret_key|private_key|token)$/i.test(key) && !isDynamicReference(value),
    );
    expect(secrets).toEqual([]);
    expect(plan.resource_changes.map(({ type }) => type)).not.toContain('aws_secretsmanager_secret_version');
  });

  test.each(names)('GIVEN %s WHEN planned THEN a reviewer reads each policy as plain JSON', { timeout: 240_000 }, async (name) => {
    const policies = (await planOf(name)).resource_changes.filter(({ type }) => type === 'aws_iam_role_policy');
    // One a function, and one a schedule.
    expect(policies).toHaveLength(functions[name] + schedules[name]);
    const configuration = JSON.stringify((await planOf(name)).configuration);
    expect(configuration).not.toContain('aws_iam_policy_document');
  });

  test('GIVEN the deployment WHEN planned THEN each environment gets a role, which only GitHub opens', {
    timeout: 240_000,
  }, async () => {
    const plan = await planOf('deployment');
    const created = Map.groupBy(plan.resource_changes, ({ type }) => type);
    expect(created.get('aws_iam_openid_connect_provider')).toHaveLength(1);
    const roles = created.get('aws_iam_role') ?? [];
    expect(roles.map(({ change }) => change.after.name).sort()).toEqual(names.map((name) => `ad-lambda-${name}-deploy`).sort());
  });

  test('GIVEN the stacks WHEN synthesized THEN these three, and the one that deploys them, are all there is', async () => {
    expect(
      readdirSync(join(await synthesizedExamples(), 'stacks'))
        .filter((entry) => !entry.startsWith('.'))
        .sort(),
    ).toEqual([...names, 'deployment'].sort());
  });
});

/** Every string of a value with the name it is under; JSON inside strings is looked into. */
function namedValues(value: unknown, key = ''): readonly { readonly key: string; readonly value: string }[] {
  if (typeof value === 'string') {
    const inside = /^\s*[[{]/.test(value) ? parsed(value) : undefined;
    return inside === undefined ? [{ key, value }] : namedValues(inside, key);
  }
  if (Array.isArray(value)) return value.flatMap((entry) => namedValues(entry, key));
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, entry]) => (isDynamicReference(entry) ? [] : namedValues(entry, name)));
  return [];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** CloudFormation's reference to a secret, joined when the stack is made: it names the secret and holds nothing of it. */
function isDynamicReference(value: unknown): boolean {
  return JSON.stringify(value ?? null).startsWith('{"Fn::Join":["",["{{resolve:secretsmanager:');
}
