/** A mass removal, end to end: it stops at the guards, a person decides, and only what that person saw is done. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toEntry } from '../../handlers/events/identity-event.ts';
import { decisionText, guardDecided } from '../../handlers/roles/guard-decision.ts';
import { changeAttribute } from '../../sandbox/domain-controller/population.ts';
import { functionSetting } from '../../sandbox/function-setting.ts';
import { createPeople, type PlayedSandbox, playedSandbox } from './played-sandbox.ts';

const targets = ['identity-center', 'wiki'] as const;
const people = ['ann', 'ben', 'cid', 'dot', 'eva', 'fay'];
/** So many an hour are let through at each target. */
const most = 2;

describe('a guard that lets two roles an hour go', () => {
  let played: PlayedSandbox;
  let dns: readonly string[] = [];

  /** Who holds the role at each target, by sAMAccountName. */
  const holders = async () => {
    const names = [...people, 'gus'].slice(0, dns.length);
    const holds = async (target: string, dn: string) => (await played.account(target, dn))?.roles.includes('developers');
    const at = async (target: string) => {
      const held = await Promise.all(dns.map((dn) => holds(target, dn)));
      return names.filter((_, index) => held[index]);
    };
    return { 'identity-center': await at('identity-center'), wiki: await at('wiki') };
  };
  const guardOf = async (target: string) => (await played.told('GuardTripped', ({ change }) => change.target === target)).change;
  const tripMetric = (target: string) =>
    played.sandbox.endpoint
      .metrics()
      .filter(({ namespace, name }) => name === 'GuardTripped' && namespace.endsWith(`/${target}`))
      .flatMap(({ datapoints }) => datapoints)
      .reduce((all, { sum }) => all + sum, 0);

  beforeAll(async () => {
    const guard = { revocations: { hour: { most } } };
    played = await playedSandbox({
      environment: 'dev',
      change: ({ targets: [first, ...others], ...props }) => ({
        ...props,
        targets: [{ ...first, guard }, ...others.map((target) => ({ ...target, guard }))],
      }),
      beforeFirstPoll: async (population, mappedGroupDn) => {
        dns = await createPeople(population, people);
        await changeAttribute(population.admin, mappedGroupDn, 'add', 'member', dns);
      },
    });
    expect(await holders()).toEqual({ 'identity-center': people, wiki: people });
  }, 90_000);

  afterAll(() => played?.stop());

  it('invariant 6: WHEN five are taken out of the group at once THEN two lose the role, three are held back, and both targets alarm', async () => {
    await played.member('delete', played.sandbox.mappedGroupDn, dns.slice(0, 5));
    await played.seen();
    const held = await holders();
    for (const target of targets) {
      expect(held[target]).toHaveLength(people.length - most);
      expect(held[target]).toContain('fay');
      const tripped = await guardOf(target);
      expect(tripped).toMatchObject({ limit: { window: 'hour', counted: 'revocations', count: most + 1, most } });
      const staged = (await played.records('RevocationStaged')).filter(({ change }) => change.target === target);
      expect(staged.map(({ subject }) => subject.name).sort()).toEqual(held[target].filter((name) => name !== 'fay'));
      for (const { change } of staged) expect(change).toMatchObject({ guard: tripped.guard, revoke: [{ role: 'developers' }] });
      expect(tripMetric(target)).toBeGreaterThanOrEqual(1);
    }
  });

  it('GIVEN tripped guards WHEN somebody joins THEN the role is granted meanwhile, at both', async () => {
    const [gus = ''] = await createPeople(played.sandbox.population, ['gus']);
    dns = [...dns, gus];
    await played.member('add', played.sandbox.mappedGroupDn, [gus]);
    await played.seen();
    for (const held of Object.values(await holders())) expect(held).toContain('gus');
  });

  it('WHEN asked THEN npm run guard lists what is held back, and shows who would lose what', async () => {
    const listed = await played.command('guard', 'list', '--json');
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    const guards = await Promise.all(targets.map(async (target) => ({ target, guard: (await guardOf(target)).guard, count: 3 })));
    expect(JSON.parse(listed.stdout)).toEqual(guards.map((one) => expect.objectContaining(one)));
    const shown = await played.command('guard', 'show', guards[0]?.guard ?? '');
    const staged = (await holders())['identity-center'].filter((name) => people.slice(0, 5).includes(name));
    for (const name of staged) expect(shown.stdout).toMatch(new RegExp(`^${name} +${name}@corp\\.example\\.com +developers `, 'm'));
  });

  it('fails for a forged approval: its signature is of nobody who may approve, and nothing is done', async () => {
    const before = await holders();
    const guard = await guardOf('identity-center');
    const shown = JSON.parse((await played.command('guard', 'show', guard.guard, '--json')).stdout) as { digest: string };
    const by = 'arn:aws:iam::111122223333:user/mallory';
    const decision = { target: 'identity-center', guard: guard.guard, outcome: 'approved', by, staged: 3, digest: shown.digest } as const;
    // As good a signature as any, of a key that Mallory has.
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const forged = guardDecided(decision, sign('sha256', Buffer.from(decisionText(decision)), privateKey), new Date().toISOString());
    const EventBusName = functionSetting(played.sandbox.stack, 'IDENTITY_BUS');
    const { FailedEntryCount } = await played.operator('events', 'PutEvents', { Entries: [{ ...toEntry(forged), EventBusName }] });
    expect(FailedEntryCount).toBe(0);
    await played.sandbox.runtime.idle();
    const { logGroup } = [...played.sandbox.stack.functions.values()].find(({ name }) => name.endsWith('settle-guard')) ?? {};
    const { events } = await played.operator('logs', 'FilterLogEvents', {
      logGroupName: logGroup,
      filterPattern: 'GUARD_DECISION_REFUSED',
    });
    expect((events as { message: string }[]).map(({ message }) => JSON.parse(message))).toEqual([
      expect.objectContaining({ reason: 'signature', guard: guard.guard }),
    ]);
    expect(await holders()).toEqual(before);
    expect(await played.records('GuardReleased')).toEqual([]);
  });

  it('WHEN a person approves at one target THEN what was held back there is removed, and the release names the approver', async () => {
    const { guard } = await guardOf('identity-center');
    const approved = await played.command('guard', 'approve', guard, '--yes');
    expect(approved.code, approved.stderr).toBe(0);
    await played.sandbox.runtime.idle();
    const { change } = await played.told('GuardReleased', (record) => record.change.guard === guard);
    expect(change).toMatchObject({ target: 'identity-center', outcome: 'approved', by: 'arn:aws:iam::111122223333:root', staged: 3 });
    const held = await holders();
    expect(held['identity-center']).toEqual(['fay', 'gus']);
    expect(held.wiki).toHaveLength(people.length - most + 1);
  });

  it('WHEN a person rejects at the other THEN nobody loses the role there', async () => {
    const before = await holders();
    const { guard } = await guardOf('wiki');
    const rejected = await played.command('guard', 'reject', guard, '--yes', '--json');
    expect(rejected.code, rejected.stderr).toBe(0);
    await played.sandbox.runtime.idle();
    const { change } = await played.told('GuardReleased', (record) => record.change.guard === guard);
    expect(change).toMatchObject({ target: 'wiki', outcome: 'rejected', staged: 3 });
    expect(await holders()).toEqual(before);
    expect((await played.command('guard', 'list')).stdout).toBe('no guard holds anything back\n');
  });
});
