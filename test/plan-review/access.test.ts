/** Changes of role mappings and policies: what differs, and whom it gives or takes access. */
import { describe, expect, it } from 'vitest';
import { parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import { rowReader } from '../../handlers/access/decide-command/row-reader.ts';
import { accessEffects } from '../../modules/plan-review/access/access-effects.ts';
import { markdownOf } from '../../modules/plan-review/report/markdown.ts';
import { review } from '../../modules/plan-review/review.ts';
import { ada, configuration, developers, edge, now, policies, rows } from '../access/explained-people.ts';
import { domain, fileTimeOf, objectRow, userObject } from '../directory/rows.ts';
import { planOf, type ResourceChange } from './plans.ts';

const users = { mirror: rowReader(rows), objects: rowReader(rows).objects, now };

interface Side {
  readonly configuration: unknown;
  readonly policies: readonly { readonly name: string; readonly text: string }[];
}
const plain: Side = { configuration, policies };

const object = (place: string, before: object | undefined, after: object | undefined): ResourceChange => ({
  address: `aws_s3_object.integration_configuration_${place}_0A1B2C3D`,
  mode: 'managed',
  type: 'aws_s3_object',
  change: {
    actions:
      JSON.stringify(before) === JSON.stringify(after)
        ? ['no-op']
        : before === undefined
          ? ['create']
          : after === undefined
            ? ['delete']
            : ['create', 'delete'],
    before: before ?? null,
    after: after ?? null,
    replace_paths: [['key']],
  },
});

/** Objects as the modules write them. Their keys stand for their content. */
function plan(before: Side | undefined, after: Side | undefined): string {
  const configured = (side: Side | undefined) =>
    side && { key: `access/${JSON.stringify(side).length}.json`, content: JSON.stringify(side.configuration) };
  const names = [...new Set([...(before?.policies ?? []), ...(after?.policies ?? [])].map(({ name }) => name))];
  const file = (side: Side | undefined, name: string) => {
    const found = side?.policies.find((one) => one.name === name);
    return found && { key: `policies/abc-${name}`, content: found.text };
  };
  return planOf([
    object('access', configured(before), configured(after)),
    ...names.map((name) => object(`policy-${name.replace('.cedar', '')}`, file(before, name), file(after, name))),
  ]);
}

const withMappings = (change: (mappings: typeof configuration.mappings) => readonly object[], more: object = {}): Side => ({
  configuration: { ...configuration, mappings: change(configuration.mappings), ...more },
  policies,
});
const without = (id: string) => withMappings((mappings) => mappings.filter((one) => one.id !== id));
const effectsOf = async (before: Side | undefined, after: Side | undefined) => {
  const { reviewed, findings } = await review(plan(before, after), users);
  const effects = reviewed.access.effects?.effects ?? [];
  return {
    told: effects.map(({ kind, principal, role, target, mapping }) => [kind, principal.name, role, target, mapping]),
    effects,
    reviewed,
    findings,
  };
};
const [target] = Object.keys(configuration.targets);

describe('a change of access in a plan', () => {
  it('GIVEN a mapping that goes THEN those who held its role lose it, and nobody else', async () => {
    const { told, effects, findings } = await effectsOf(plain, without('developers'));
    expect(told).toEqual([['loses', 'ada', 'developers', target, 'developers']]);
    expect(effects[0]?.why).toBe('no mapping gives it any more');
    expect(findings.map(({ rule }) => rule)).toContain('access-taken');
    expect(findings.map(({ rule }) => rule)).not.toContain('access-given');
  });

  it('GIVEN a mapping that comes THEN active members of its group gain the role, with the policies that permit it', async () => {
    const { told, effects, findings } = await effectsOf(without('developers'), plain);
    // Bob is a member and disabled.
    expect(told).toEqual([['gains', 'ada', 'developers', target, 'developers']]);
    expect(effects[0]?.why).toMatch(/^permitted by .*mapped-grants/);
    expect(findings.map(({ rule }) => rule)).toContain('access-given');
  });

  it('GIVEN a forbid that comes THEN who holds the role loses it by that policy', async () => {
    const forbid = {
      name: 'freeze.cedar',
      text: '@id("freeze") forbid (principal, action == Action::"grant", resource) when { resource.name == "developers" };',
    };
    const after = {
      configuration: { ...configuration, policies: [...configuration.policies, { name: forbid.name, key: `policies/abc-${forbid.name}` }] },
      policies: [...policies, forbid],
    };
    const { told, effects, reviewed } = await effectsOf(plain, after);
    expect(told).toEqual([['loses', 'ada', 'developers', target, 'developers']]);
    expect(effects[0]?.why).toContain('freeze');
    expect(reviewed.access.difference.policies).toMatchObject([{ name: 'freeze.cedar', kind: 'new', lines: [{ mark: '+' }] }]);

    const reported = { ...after, configuration: { ...after.configuration, onViolation: 'report' } };
    const kept = await effectsOf(plain, reported);
    expect(kept.told).toEqual([['violates', 'ada', 'developers', target, 'developers']]);
    expect(kept.findings.map(({ rule }) => rule)).toContain('access-violated');
  });

  it('GIVEN a first deployment, and the end of one THEN all that mappings give is gained, and lost', async () => {
    const [first, last] = [await effectsOf(undefined, plain), await effectsOf(plain, undefined)];
    expect(first.told.map(([, name, role]) => [name, role])).toEqual([
      ['ada', 'developers'],
      ['ada', 'everybody'],
    ]);
    expect(new Set(first.told.map(([kind]) => kind))).toEqual(new Set(['gains']));
    expect(last.told.map(([, ...rest]) => rest)).toEqual(first.told.map(([, ...rest]) => rest));
    expect(new Set(last.told.map(([kind]) => kind))).toEqual(new Set(['loses']));
  });

  it('GIVEN accounts that a role brings WHEN they change THEN who keeps the role is told of', async () => {
    const assignable = { assignable: { accounts: ['111122223333', '444455556666'], permissionSets: ['ReadOnly'] } };
    const targets = Object.fromEntries(Object.entries(configuration.targets).map(([name, one]) => [name, { ...one, ...assignable }]));
    const bringing = (account: string) =>
      withMappings(
        (mappings) =>
          mappings.map((one) => (one.id === 'developers' ? { ...one, assignments: [{ account, permissionSet: 'ReadOnly' }] } : one)),
        { targets },
      );
    const { told, effects } = await effectsOf(bringing('111122223333'), bringing('444455556666'));
    expect(told).toEqual([['changes', 'ada', 'developers', target, 'developers']]);
    expect(effects[0]?.why).toBe('it brought ReadOnly in 111122223333, and will bring ReadOnly in 444455556666');
  });

  it('GIVEN only another order of mappings THEN nobody is concerned', async () => {
    const { told, reviewed } = await effectsOf(
      plain,
      withMappings((mappings) => [...mappings].reverse()),
    );
    expect(told).toEqual([]);
    expect(reviewed.access.difference).toEqual({ mappings: [], policies: [], settings: [] });
  });

  it('GIVEN no mirror THEN the mappings that differ are told, and that it is not known whom they concern', async () => {
    const excluded = withMappings((mappings) =>
      mappings.map((one) => (one.id === 'developers' ? { ...one, exclude: { groups: [{ name: 'Contractors' }] } } : one)),
    );
    const { reviewed, findings } = await review(plan(plain, excluded), undefined);
    const markdown = markdownOf(reviewed, findings);
    expect(findings.map(({ rule }) => rule)).toEqual(['access-changed']);
    expect(markdown).toContain('| `developers` | changed | `{}` | `{"exclude":{"groups":[{"name":"Contractors"}]}}` |');
    expect(markdown).toContain('give `--mirror`');
  });

  it('GIVEN hundreds of people THEN Markdown shows fifty and the counts, JSON has all', async () => {
    const many = Array.from({ length: 300 }, (_, index) =>
      objectRow(userObject(1000 + index, `person-${index}`, { pwdLastSet: [fileTimeOf('2025-02-01T08:00:00Z')] })),
    );
    const reader = rowReader([...rows, ...many, ...many.map((one) => edge(one, developers))]);
    const { reviewed, findings } = await review(plan(plain, without('developers')), { mirror: reader, objects: reader.objects, now });
    expect(reviewed.access.effects).toMatchObject({ users: 303, concerned: 301 });
    expect(reviewed.access.effects?.effects).toHaveLength(301);
    const markdown = markdownOf(reviewed, findings);
    expect(markdown).toContain('Access of **301 of 303 users** would change.');
    expect(markdown.match(/^- `person-/gm)?.length).toBeLessThanOrEqual(50);
    expect(markdown).toContain('more: `--json` has all of them');
  }, 90_000);

  it('GIVEN names that are Markdown, HTML or control characters THEN they stay text', async () => {
    const evil = objectRow(userObject(4, 'x`|</details>@team\u202e', { pwdLastSet: [fileTimeOf('2025-02-01T08:00:00Z')] }));
    const reader = rowReader([...rows, evil, edge(evil, developers)]);
    const { reviewed, findings } = await review(plan(plain, without('developers')), { mirror: reader, objects: reader.objects, now });
    const line =
      markdownOf(reviewed, findings)
        .split('\n')
        .find((one) => one.includes('@team')) ?? '';
    expect(line).toContain('``x`\\|</details>@team\\u{202e}``');
  });

  it('fails to evaluate a configuration that decide-access would refuse, and says so', async () => {
    const { findings, reviewed } = await effectsOf(plain, { configuration: { ...configuration, mappings: [] }, policies });
    expect(reviewed.access.effects).toBeUndefined();
    expect(findings.find(({ rule }) => rule === 'access-unreadable')?.detail).toMatch(/^after: access configuration is wrong/);
    const broken = await effectsOf(plain, { configuration, policies: policies.map(({ name }) => ({ name, text: 'permit (' })) });
    expect(broken.findings.find(({ rule }) => rule === 'access-unreadable')?.detail).toMatch(/policies are wrong/);
  });

  it('GIVEN the code that decides THEN the review uses no other', async () => {
    const parsed = parseAccessConfiguration(configuration);
    const { effects, users: count } = await accessEffects(undefined, { configuration: parsed, policies }, users);
    const own = effects.filter(({ principal }) => principal.guid === ada.guid && principal.domain === domain);
    expect(count).toBe(3);
    expect(own.map(({ role }) => role)).toEqual(['developers', 'everybody']);
  });
});
