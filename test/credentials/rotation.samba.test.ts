/** Rotations on a real domain controller with a strict policy: history, minimum length, complexity, lockout. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { StrategySettings } from '../../handlers/credentials/credential-settings.ts';
import { rotate, steps } from '../../handlers/credentials/rotation.ts';
import { eachLimited } from '../../handlers/platform/dynamodb.ts';
import { Killed, killedAfter } from '../platform/watched-calls.ts';
import { thorough } from '../thorough.ts';
import { nameOf, type Rotating, RotationWorld } from './rotation-world.ts';

const world = new RotationWorld();

interface Case {
  readonly rotating: Rotating;
  readonly accounts: readonly string[];
}

const kinds = ['single', 'reset', 'alternating, reset', 'alternating, by themselves'] as const;

async function caseOf(kind: (typeof kinds)[number]): Promise<Case> {
  const first = await world.account();
  if (kind === 'single' || kind === 'reset') {
    const account = nameOf(first);
    const strategy: StrategySettings = kind === 'single' ? { kind, account } : { kind, account, resetBy: 'arn:delegated' };
    return { rotating: world.rotating(strategy, first), accounts: [account] };
  }
  const second = await world.account();
  const accounts = [nameOf(first), nameOf(second)] as const;
  const by = kind === 'alternating, reset' ? { resetBy: 'arn:delegated' } : {};
  const rotating = world.rotating({ kind: 'alternating', accounts: [...accounts], differences: 'refuse', ...by }, second);
  // Whoever sets it up puts the one, then the other.
  rotating.store.putByHand(first);
  return { rotating, accounts };
}

/** A change takes the current password and no earlier one, which Samba and AD let bind for a while. */
async function expectCurrentIsTheDirectorys({ rotating }: Case): Promise<void> {
  const current = await rotating.store.current();
  if (current === undefined) throw new Error('there is no current version');
  const { session, refusal } = await world.directory().open(current.credential);
  expect(refusal).toBeUndefined();
  if (session === undefined) return;
  const account = await session.account(nameOf(current.credential));
  await session.changePassword(account, current.credential.password, `${randomUUID()}aA1!`);
  await session.close();
}

describe.each(kinds)('strategy %s', (kind) => {
  test('WHEN it rotates THEN the new password is current, the one before previous, and all of it is told without either', async () => {
    const one = await caseOf(kind);
    const { rotating, accounts } = one;
    const before = await rotating.store.current();
    const version = randomUUID();
    await rotate(rotating.deps(), version);

    const current = await rotating.store.current();
    expect(current?.version).toBe(version);
    expect(current?.credential.password).not.toBe(before?.credential.password);
    expect((await rotating.store.previous())?.version).toBe(before?.version);
    expect(await rotating.store.pending()).toBeUndefined();
    const rotated = kind.startsWith('alternating') ? accounts[1] : accounts[0];
    expect(current && nameOf(current.credential)).toBe(rotated);
    expect(rotating.published).toMatchObject([
      {
        type: 'CredentialRotated',
        subject: { samAccountName: rotated },
        change: { credential: 'billing', reason: 'scheduled', tested: [world.controller.ldapsUrl], unreachable: [], differences: [] },
      },
    ]);
    const told = JSON.stringify([rotating.published, rotating.logged, [...rotating.ledger.entries]]);
    for (const stored of [current, before]) expect(told).not.toContain(stored?.credential.password);
    await expectCurrentIsTheDirectorys(one);
  });

  test('WHEN it rotates three times THEN each time what was current before still is what is previous', async () => {
    const one = await caseOf(kind);
    for (let round = 1; round <= 3; round += 1) {
      const before = await one.rotating.store.current();
      await rotate(one.rotating.deps(), randomUUID());
      expect((await one.rotating.store.previous())?.version).toBe(before?.version);
    }
    await expectCurrentIsTheDirectorys(one);
  });

  test('WHEN each step is taken twice THEN the second one changes nothing', async () => {
    const one = await caseOf(kind);
    const version = randomUUID();
    for (const step of Object.values(steps)) {
      await step(one.rotating.deps(), version);
      await step(one.rotating.deps(), version);
    }
    expect((await one.rotating.store.current())?.version).toBe(version);
    expect(one.rotating.published).toHaveLength(1);
    await expectCurrentIsTheDirectorys(one);
  });

  test("invariant: GIVEN a function that is killed after any call WHEN the version is tried again, or another begins, THEN the current secret is the directory's", async () => {
    const counted = await caseOf(kind);
    const calls: number[] = [];
    await rotate(counted.rotating.deps({ before: (number) => void calls.push(number) }), randomUUID());
    expect(calls.length).toBeGreaterThan(15);
    const cases = calls.flatMap((kill) => {
      const both = ['the same', 'another'] as const;
      // By turns: what one kind leaves out after a call, a kind of the same calls tries.
      const tried = thorough ? both : both.filter((_, index) => (kill + kinds.indexOf(kind)) % 2 === index);
      return tried.map((again) => ({ kill, again }));
    });
    await eachLimited(cases, 4, async ({ kill, again }) => {
      const one = await caseOf(kind);
      const { store, deps } = one.rotating;
      const version = randomUUID();
      store.startRotation(version);
      await expect(rotate(deps(killedAfter(kill)), version)).rejects.toThrow(Killed);
      const next = again === 'the same' ? version : randomUUID();
      store.startRotation(next);
      await rotate(deps(), next);
      expect((await store.current())?.version, `killed after ${kill}, then ${again}`).toBe(next);
      const told = one.rotating.published.filter(({ type }) => type === 'CredentialRotated');
      expect(new Set(told.map(({ id }) => id)).size, `told after ${kill}, then ${again}`).toBeGreaterThanOrEqual(1);
      await expectCurrentIsTheDirectorys(one);
    });
  }, 300_000);
});
