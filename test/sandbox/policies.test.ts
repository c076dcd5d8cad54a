/** Policies, end to end: what the example's Cedar files forbid is not granted, what is held against them ends, and both are explained. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeAttribute, createGroup } from '../../sandbox/domain-controller/population.ts';
import { createPeople, type PlayedSandbox, playedSandbox } from './played-sandbox.ts';

const target = 'identity-center';
const segregation = {
  id: 'segregation-of-duties',
  annotations: expect.objectContaining({
    reason: 'payments are made and approved by different people',
    owner: 'finance-control@example.com',
  }),
};

describe('people who pay, and people who approve payments', () => {
  let played: PlayedSandbox;
  let [ada, ben, approvals]: readonly string[] = [];

  const rolesOf = async (dn = '') => (await played.account(target, dn))?.roles;
  const trailOf = async (name: string) => (await played.records('AccessDenied')).filter(({ subject }) => subject.name === name);

  beforeAll(async () => {
    played = await playedSandbox({
      environment: 'staging',
      async beforeFirstPoll(population, mappedGroupDn) {
        const { admin, groupsDn } = population;
        [ada = '', ben = ''] = await createPeople(population, ['ada', 'ben']);
        const payments = await createGroup(admin, groupsDn, 'AWS-Payments');
        approvals = await createGroup(admin, groupsDn, 'AWS-Payment-Approvals');
        await changeAttribute(admin, mappedGroupDn, 'add', 'member', [ada, ben]);
        await changeAttribute(admin, payments, 'add', 'member', [ada, ben]);
        await changeAttribute(admin, approvals, 'add', 'member', [ben]);
      },
    });
  }, 90_000);

  afterAll(() => played?.stop());

  it('invariant 7: GIVEN somebody who does both THEN no role is granted, and the denial names the policy with its annotations', async () => {
    expect(await rolesOf(ben)).toBeUndefined();
    const denials = await trailOf('ben');
    expect(denials.map(({ change }) => change)).toEqual([
      expect.objectContaining({ role: 'developers', target, mapping: 'developers', reason: 'forbidden', policies: [segregation] }),
    ]);
    expect(await played.records('RoleGranted')).toHaveLength(1);
  });

  it('invariant 11: GIVEN somebody who only pays THEN the role is granted, and the grant names the policies that permit it', async () => {
    expect(await rolesOf(ada)).toEqual(['developers']);
    const { change, subject } = await played.told('RoleGranted');
    expect([subject.name, change.grant.policies]).toEqual(['ada', ['mapped-grants']]);
  });

  it('GIVEN a role that is held WHEN its holder also becomes an approver THEN the violation is found, told and revoked', async () => {
    await played.member('add', approvals ?? '', [ada ?? '']);
    await played.seen();
    const { change, subject } = await played.told('AccessViolationFound');
    expect(subject.name).toBe('ada');
    expect(change).toMatchObject({ outcome: 'revoked', grant: { role: 'developers', target }, denial: { policies: [segregation] } });
    expect(await rolesOf(ada)).toEqual([]);
    expect((await played.told('RoleRevoked')).subject.name).toBe('ada');
  });

  it('WHEN asked why THEN npm run decide tells groups, mappings, policies and the verdict', async () => {
    const { code, stdout, stderr } = await played.command('decide', '--user', 'ada', '--environment', 'staging', '--json');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      principal: { name: 'ada', domain: 'corp.example.com' },
      state: 'active',
      groups: expect.arrayContaining([expect.objectContaining({ name: 'AWS-Payment-Approvals', path: [] })]),
      mappings: expect.arrayContaining([expect.objectContaining({ mapping: 'developers', outcome: 'gives' })]),
      grants: [],
      denied: [expect.objectContaining({ role: 'developers', policies: [segregation] })],
      held: [],
      isDecided: true,
    });
    const text = await played.command('decide', '--user', 'ben', '--environment', 'staging');
    expect(text.stdout, text.stderr).toMatch(/developers at identity-center +denied +.*payments are made and approved by different people/);
  });

  it('WHEN the second membership ends THEN the role comes back', async () => {
    await played.member('delete', approvals ?? '', [ada ?? '']);
    await played.seen();
    expect(await rolesOf(ada)).toEqual(['developers']);
  });
});
