/** Carrying out what a person decided on a guard. */
import { beforeEach, describe, expect, test } from 'vitest';
import { InvalidEventError, RetryableError } from '../../handlers/platform/errors.ts';
import { guardAfter } from '../../handlers/roles/guard-limits.ts';
import type { GuardStore } from '../../handlers/roles/guard-store.ts';
import { guarding } from '../../handlers/roles/guarding.ts';
import { settleGuard } from '../../handlers/roles/settle-guard/settle-guard.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { Killed, killedAfter, watching } from '../platform/watched-calls.ts';
import { only, removalOf, target } from './removals.ts';
import { approver, settling } from './settling.ts';

let world: ReturnType<typeof settling>;
let id: string;
const people = [1, 2, 3].map((number) => removalOf(number));

beforeEach(async () => {
  // GIVEN a guard that holds three people's removals back
  world = settling();
  id = await world.tripped(people);
});

describe('an approval', () => {
  test('invariant 6: WHEN it is carried out THEN exactly what was staged is admitted, everybody is looked at again, and it is told by whom', async () => {
    await world.settle(world.bodyOf(await world.decision(id)));
    expect(world.sent.map(({ guid }) => guid)).toEqual([guidOf(1), guidOf(2), guidOf(3)]);
    expect(world.sent[0]).toMatchObject({ domain, revision: 1, cause: { type: 'GuardDecided' } });
    expect(world.told()).toMatchObject([
      { type: 'GuardReleased', domain: target, change: { target, guard: id, outcome: 'approved', by: approver, staged: 3 } },
    ]);
    expect(world.store.kept().state.tripped).toBeUndefined();
    for (const removal of people) expect(await world.guard().admit(removal)).toEqual({ admitted: true });
    expect(await world.guard().admit(removalOf(4))).toMatchObject({ admitted: false, staged: true });
  });

  test('covers the same or less by a later decision, but not more, and nobody else', async () => {
    await world.settle(world.bodyOf(await world.decision(id)));
    expect(await world.guard().admit(removalOf(1, ['developers'], 7))).toEqual({ admitted: true });
    expect(await world.guard().admit(removalOf(2, ['developers', 'auditors'], 2))).toMatchObject({ admitted: false });
    expect(await world.guard().admit(removalOf(3, ['developers'], 0))).toMatchObject({ admitted: false });
  });

  test('covers a removal once: what the principal was given since may not be taken on the old word', async () => {
    await world.settle(world.bodyOf(await world.decision(id)));
    expect(await world.guard().admit(removalOf(1, ['developers'], 2))).toEqual({ admitted: true });
    expect(await world.guard().admit(removalOf(1, ['developers'], 4))).toMatchObject({ admitted: false });
  });

  test('is good for two days', async () => {
    await world.settle(world.bodyOf(await world.decision(id)));
    world.time.pass(48 * 60);
    expect(await world.guard().admit(removalOf(1))).toMatchObject({ admitted: false });
  });

  test('WHEN it was carried out THEN the counters begin anew', async () => {
    world = settling(only({ revocations: { hour: { most: 2, share: 1 } } }));
    for (const number of [11, 12]) await world.guard().admit(removalOf(number));
    id = await world.tripped([removalOf(13)]);
    await world.settle(world.bodyOf(await world.decision(id)));
    for (const number of [13, 14, 15]) expect(await world.guard().admit(removalOf(number))).toEqual({ admitted: true });
    expect(await world.guard().admit(removalOf(16))).toMatchObject({ admitted: false });
  });

  test('invariant 6: WHEN more was staged since the approver looked THEN that is not admitted, and waits with a guard of its own', async () => {
    const decision = await world.decision(id);
    world.time.pass(1);
    await world.tripped([removalOf(4)]);
    await world.settle(world.bodyOf(decision));
    const next = guardAfter(id);
    expect(world.sent).toHaveLength(3);
    expect(world.told()).toMatchObject([
      { type: 'GuardReleased', change: { guard: id, staged: 3 } },
      { type: 'GuardTripped', change: { guard: next, staged: [{ name: 'Person 4' }], expiresAt: '2025-03-02T10:01:00.000Z' } },
    ]);
    expect(await world.guard().admit(removalOf(4))).toMatchObject({ admitted: false, guard: next });
    for (const removal of people) expect(await world.guard().admit(removal)).toEqual({ admitted: true });
    await world.settle(world.bodyOf(await world.decision(next)));
    expect(await world.guard().admit(removalOf(4))).toEqual({ admitted: true });
    expect(world.store.kept().state.tripped).toBeUndefined();
  });

  test('invariant 6: WHEN somebody asks while it is carried out THEN that is not covered, and waits', async () => {
    const decision = await world.decision(id);
    let asked = 0;
    await world.settle(world.bodyOf(decision), {
      after: async (_number, name) => {
        if (name !== 'removalsOf' && name !== 'publish' && name !== 'writeRemoval') return;
        asked += 1;
        if (asked <= 4) await world.tripped([removalOf(20 + asked)]);
      },
    });
    expect(asked).toBeGreaterThanOrEqual(4);
    const { tripped } = world.store.kept().state;
    expect(tripped?.decision).toBeUndefined();
    for (const removal of people) expect(await world.guard().admit(removal)).toEqual({ admitted: true });
    for (const number of [21, 22, 23, 24]) {
      expect(await world.guard().admit(removalOf(number))).toMatchObject({ admitted: false, guard: tripped?.id });
    }
  });

  test.each([
    ['the first', []],
    ['not the first', [removalOf(4)]],
  ])('invariant 6: WHEN somebody asks just before its last call, %s to come meanwhile, THEN they wait too', async (_which, before) => {
    const decision = await world.decision(id);
    world.time.pass(1);
    await world.tripped(before);
    let asked = false;
    await world.settle(world.bodyOf(decision), {
      after: async (_number, name) => {
        if (name !== 'publish' || asked) return;
        asked = true;
        await world.tripped([removalOf(9)]);
      },
    });
    expect(world.store.kept().state.tripped?.id).toBe(guardAfter(id));
    expect((await world.store.removalsOf(guardAfter(id))).map(({ key }) => key)).toContain(removalOf(9).key);
  });

  test('invariant 6: WHEN a run that began before it stages only at its end THEN that waits too', async () => {
    const decision = await world.decision(id);
    world.time.pass(1);
    await world.tripped([removalOf(4)]);
    const gate = Promise.withResolvers<void>();
    const slow = watching({ before: (_number, name) => (name === 'writeRemoval' ? gate.promise : undefined) }).wrap<GuardStore>(
      world.store,
    );
    const asking = guarding(slow, { target, limits: only({}), now: world.time.now }).admit(removalOf(9));
    await world.settle(world.bodyOf(decision), {
      after: async (_number, name) => {
        if (name !== 'publish') return;
        gate.resolve();
        await asking;
      },
    });
    const next = guardAfter(id);
    expect(await asking).toMatchObject({ admitted: false, guard: next });
    expect((await world.store.removalsOf(next)).map(({ key }) => key)).toEqual([removalOf(4).key, removalOf(9).key]);
  });

  test('WHEN an event of what it covers is noted as told meanwhile THEN that is covered all the same', async () => {
    const decision = await world.decision(id);
    let noted = false;
    await world.settle(world.bodyOf(decision), {
      before: async (_number, name) => {
        const kept = world.store.removals.get(removalOf(2).key);
        if (name !== 'writeRemoval' || noted || kept === undefined) return;
        noted = true;
        await world.store.writeRemoval({ ...kept, version: kept.version + 1, told: true });
      },
    });
    for (const removal of people) expect(await world.guard().admit(removal)).toEqual({ admitted: true });
  });

  test('of a role’s own removal: no message, the next run of reconcile is let through', async () => {
    world = settling();
    const removal = { key: 'role#developers', revision: 0, name: 'developers', revoke: [], revocations: 4, accounts: 0 } as const;
    id = await world.tripped([removal]);
    await world.settle(world.bodyOf(await world.decision(id)));
    expect(world.sent).toEqual([]);
    expect(await world.guard().admitRun([removal])).toEqual({ admitted: true });
    expect(await world.guard().admit({ ...removal, revocations: 5 })).toMatchObject({ admitted: false });
  });
});

describe('a rejection', () => {
  test('WHEN it is carried out THEN these removals stay refused for their revision, uncounted, and a later decision counts anew', async () => {
    world = settling(only({ revocations: { hour: { most: 1, share: 1 } } }));
    expect(await world.guard().admit(removalOf(9))).toEqual({ admitted: true });
    id = await world.tripped([removalOf(1), removalOf(2)]);
    await world.settle(world.bodyOf(await world.decision(id, 'rejected')));
    expect(world.sent).toEqual([]);
    expect(world.told()).toMatchObject([{ type: 'GuardReleased', change: { guard: id, outcome: 'rejected', by: approver } }]);
    world.time.pass(120);
    expect(await world.guard().admit(removalOf(1))).toEqual({ admitted: false, guard: id, staged: false, rejected: true });
    expect(await world.guard().admitRun([removalOf(1), removalOf(2), removalOf(3)])).toEqual({ admitted: true });
    world.time.pass(120);
    expect(await world.guard().admit(removalOf(1, ['developers'], 2))).toEqual({ admitted: true });
  });

  test('WHEN it was carried out THEN what was counted before still counts', async () => {
    world = settling(only({ revocations: { hour: { most: 1, share: 1 } } }));
    await world.guard().admit(removalOf(9));
    id = await world.tripped([removalOf(1)]);
    await world.settle(world.bodyOf(await world.decision(id, 'rejected')));
    expect(await world.guard().admit(removalOf(3))).toMatchObject({ admitted: false, staged: true });
  });
});

describe('a decision that is refused', () => {
  const untouched = async (reason: string) => {
    expect(world.refusals()).toEqual([reason]);
    expect(world.published).toEqual([]);
    expect(world.sent).toEqual([]);
    expect(world.store.kept().state.tripped).toMatchObject({ id });
    expect((await world.store.removalsOf(id)).map(({ outcome }) => outcome)).toEqual(['staged', 'staged', 'staged']);
  };

  test.each([
    ['by somebody else', { by: 'arn:aws:sts::111122223333:assumed-role/approvers/eve' }],
    ['with another outcome', { outcome: 'rejected' }],
    ['about fewer', { staged: 2 }],
    ['about another list', { digest: 'a'.repeat(64) }],
  ] as const)('fails where it was altered after it was signed: %s', async (_name, altered) => {
    const signed = await world.decision(id);
    await world.settle(world.bodyOf({ ...signed, ...altered }, signed));
    await untouched('signature');
  });

  test('fails where another key signed', async () => {
    await world.settle(settling().bodyOf(await world.decision(id)));
    await untouched('signature');
  });

  test.each<Readonly<Record<string, unknown>>>([
    { signature: '-' },
    { signature: 'c2ln' },
    { signature: '%%%%%%%%%%%%' },
    { signature: 'A'.repeat(300) },
    { digest: 'abc' },
    { staged: -1 },
    { staged: 1.5 },
    { staged: 99_999_999 },
  ])('fails for a decision of another form: %j', async (altered) => {
    const body = JSON.parse(world.bodyOf(await world.decision(id)));
    Object.assign(body.detail.change, altered);
    await world.settle(JSON.stringify(body));
    await untouched('malformed');
  });

  test('fails for an approver who is no principal of AWS', async () => {
    await world.settle(world.bodyOf({ ...(await world.decision(id)), by: 'Ada' }));
    await untouched('malformed');
  });

  test('fails for a target or guard that is not known', async () => {
    await world.settle(world.bodyOf({ ...(await world.decision(id)), target: 'elsewhere' }));
    await untouched('unknown-target');
    world.logged.length = 0;
    await world.settle(world.bodyOf({ ...(await world.decision(id)), guard: 'abcdef012345' }));
    await untouched('unknown-guard');
  });

  test('fails when it comes after the guard expired, before and after somebody noticed', async () => {
    const body = world.bodyOf(await world.decision(id));
    world.time.pass(24 * 60);
    await world.settle(body);
    await untouched('expired');
    world.logged.length = 0;
    await world.guard().admit(removalOf(1));
    await world.settle(body);
    expect(world.refusals()).toEqual(['expired']);
    expect(world.sent).toEqual([]);
  });

  test('fails when the list is not the one that was signed any more', async () => {
    const decision = await world.decision(id);
    await world.tripped([removalOf(2, ['developers', 'auditors'], 2)]);
    await world.settle(world.bodyOf(decision));
    await untouched('staged-changed');
  });

  test('fails when it is replayed, or contradicts one that was carried out', async () => {
    const [approval, rejection] = [await world.decision(id), await world.decision(id, 'rejected')];
    await world.settle(world.bodyOf(approval));
    const [events, messages] = [world.published.length, world.sent.length];
    await world.settle(world.bodyOf(approval));
    await world.settle(world.bodyOf(rejection));
    expect(world.refusals()).toEqual(['already-settled', 'already-settled']);
    expect([world.published.length, world.sent.length]).toEqual([events, messages]);
  });

  test('fails when another one is being carried out', async () => {
    const [approval, rejection] = [await world.decision(id), await world.decision(id, 'rejected')];
    await expect(world.settle(world.bodyOf(approval), killedAfter(6))).rejects.toThrow(Killed);
    await world.settle(world.bodyOf(rejection));
    expect(world.refusals()).toEqual(['already-decided']);
    await world.settle(world.bodyOf(approval));
    expect(world.told()).toMatchObject([{ type: 'GuardReleased', change: { outcome: 'approved' } }]);
  });

  test.each(['no json', '{}', JSON.stringify({ source: 'active-directory.roles', 'detail-type': 'GuardReleased', detail: {} })])(
    'fails, for the dead-letter queue, on a message that is no decision: %j',
    async (body) => {
      await expect(world.settle(body)).rejects.toThrow(InvalidEventError);
    },
  );

  test('fails, to be tried again, when KMS gives no answer: nothing is refused and nothing done', async () => {
    const verify = async () => {
      throw new Error('KMSInternalException');
    };
    const body = world.bodyOf(await world.decision(id));
    await expect(settleGuard({ ...world.dependencies(), verify }, body)).rejects.toThrow('KMSInternalException');
    expect(world.refusals()).toEqual([]);
  });

  test('fails, to be tried again, when other runs keep writing the guard', async () => {
    const body = world.bodyOf(await world.decision(id));
    const busy = { ...world.store, replace: async () => false };
    const deps = { ...world.dependencies(), targets: new Map([[target, { store: busy, send: async () => {} }]]) };
    await expect(settleGuard(deps, body)).rejects.toThrow(RetryableError);
  });
});

describe('a process that ends', () => {
  test.each(['approved', 'rejected'] as const)('after any call, %s: the repeat ends the same', async (outcome) => {
    /** What is left in the end, whatever happened on the way. */
    const ending = (of: ReturnType<typeof settling>) => ({
      state: { ...of.store.kept().state, settled: of.store.kept().state.settled.map(({ outcome: end, staged }) => ({ end, staged })) },
      outcomes: [...of.store.removals.values()].map(({ key, outcome: end }) => [key, end]),
      told: of.told().map(({ type, change }) => ({ type, change })),
      sent: [...new Set(of.sent.map((message) => JSON.stringify(message)))],
    });
    const playedThrough = async (kill: number) => {
      const here = settling();
      const guard = await here.tripped(people);
      const decision = await here.decision(guard, outcome);
      here.time.pass(1);
      await here.tripped([removalOf(4)]);
      const body = here.bodyOf(decision);
      const ended = await here.settle(body, killedAfter(kill)).then(
        () => false,
        (error: unknown) => {
          if (error instanceof Killed) return true;
          throw error;
        },
      );
      if (ended) await here.settle(body);
      return { ended, at: ending(here) };
    };
    const whole = await playedThrough(Number.POSITIVE_INFINITY);
    expect(whole.at.told).toHaveLength(2);
    let kill = 0;
    for (let ended = true; ended; ) {
      kill += 1;
      const run = await playedThrough(kill);
      ended = run.ended;
      expect(run.at).toEqual(whole.at);
    }
    expect(kill).toBeGreaterThan(12);
  });
});
