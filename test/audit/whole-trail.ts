/**
 * Any sequence of decisions, lost and interrupted runs, guards and reconciliations at a target, and what they told through record-audit, which
 * is interrupted too and gets messages twice: its records against what the target's server saw.
 */
import fc from 'fast-check';
import { auditEntry, type ChainedRecord } from '../../handlers/audit/audit-record.ts';
import { AuditWriter } from '../../handlers/audit/audit-writer.ts';
import { linesOf } from '../../handlers/audit/chain.ts';
import { recordAudit } from '../../handlers/audit/record-audit/record-audit.ts';
import type { Assignment } from '../../handlers/events/catalogue.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { type Completeness, completeness } from '../../sandbox/audit-completeness.ts';
import type { AwsEndpoint } from '../../sandbox/aws/endpoint.ts';
import type { ScimServer } from '../../sandbox/scim-server.ts';
import type { TargetChanges } from '../../sandbox/target-changes.ts';
import { Killed, killedAfter, watching } from '../platform/watched-calls.ts';
import { administrator, readOnly, targetName, type Wish } from '../roles/desired.ts';
import { identityCenterWorld } from '../roles/identity-center-world.ts';
import { scimWorld } from '../roles/scim-world.ts';
import type { TargetWorld } from '../roles/target-world.ts';
import { wholeSystem } from '../roles/whole-system.ts';
import { allow, roleAllowed } from '../sandbox/aws/endpoint-fixture.ts';
import { delivered, revisions } from './audited.ts';
import { memoryClaims, memoryTrail } from './memory-trail.ts';

/** A target, and its own account of what was changed there. */
export interface WatchedTarget {
  readonly world: TargetWorld;
  readonly changes: TargetChanges;
}

const named = (world: TargetWorld): TargetWorld => ({ ...world, target: (pace) => ({ ...world.target(pace), name: targetName }) });

export const watchedScim = (server: ScimServer): WatchedTarget => ({ world: named(scimWorld(server)), changes: server.changes });

/** With credentials of a role's, as a function has them: what the endpoint's operator does is no change of a function's. */
export function watchedIdentityCenter(endpoint: AwsEndpoint): WatchedTarget & { readonly close: () => void } {
  const world = identityCenterWorld(endpoint);
  const credentials = endpoint.credentialsFor(roleAllowed(endpoint, 'sync-roles', [allow(['identitystore:*', 'sso:*'], '*')]), 'sync');
  const budget = (pace: <T>(call: () => Promise<T>) => Promise<T>) => ({
    call: <T>(_api: string, make: () => Promise<T>) => pace(make),
    place: async () => async () => undefined,
  });
  const target: TargetWorld['target'] = (pace = (call) => call()) => world.function({ credentials, budget: budget(pace) });
  return { world: named({ ...world, target }), changes: endpoint.identityCenterChanges, close: () => world.close() };
}

/** Where there are few of each, one run meets what another left more often. */
const casts = [
  { people: [1, 2, 3], roleNames: ['developers', 'auditors', 'team blue'] },
  { people: [1, 2], roleNames: ['developers'] },
];

export type Step =
  | { readonly do: 'decide'; readonly who: number; readonly wish: Wish }
  | { readonly do: 'step' | 'reconcile' | 'approve' | 'reject'; readonly kill: number | undefined }
  | { readonly do: 'lose' | 'drain' | 'wait' };

/** Of recording: how often each event comes, and after how many calls each attempt ends. */
export interface Recording {
  readonly repeats: readonly number[];
  readonly kills: readonly (number | undefined)[];
  readonly perBatch: number;
}

const kill = fc.option(fc.integer({ min: 1, max: 25 }), { nil: undefined });

type Brought = NonNullable<Wish['assignments']>;

export interface Sequence {
  readonly steps: readonly Step[];
  readonly recording: Recording;
}

export function sequences(assignable: boolean): fc.Arbitrary<Sequence> {
  const free = fc.constantFrom(...casts).chain((cast) => freeSteps(cast, assignable));
  return fc.record({ steps: fc.oneof(free, turns(assignable)), recording });
}

function freeSteps({ people, roleNames }: (typeof casts)[number], assignable: boolean): fc.Arbitrary<readonly Step[]> {
  const state = fc.oneof(
    { weight: 4, arbitrary: fc.constant('active' as const) },
    { weight: 1, arbitrary: fc.constantFrom('disabled' as const, 'deleted' as const) },
  );
  const decide = fc.constantFrom(...people).chain((who) =>
    fc.record({
      do: fc.constant('decide' as const),
      who: fc.constant(who),
      wish: fc.record({
        roles: fc.subarray(roleNames),
        state,
        profile: fc.constantFrom(profileOf(who, 'Ada'), profileOf(who, 'Eve')),
        // What a role brings changes with the configuration, and so with when somebody was decided.
        assignments: assignable
          ? fc.subarray([readOnly, administrator]).map((developers): Brought => (developers.length > 0 ? { developers } : {}))
          : fc.constant<Brought>({}),
      }),
    }),
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: decide },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('step' as const), kill }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('reconcile' as const), kill }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('approve' as const, 'reject' as const), kill }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'drain' as const, 'wait' as const) }) },
  );
  return fc.array(step, { minLength: 1, maxLength: 30 });
}

/** One person, of whom something else is decided before each run, and each run is interrupted: what one left is met by the opposite. */
function turns(assignable: boolean): fc.Arbitrary<readonly Step[]> {
  const brings = (...developers: readonly Assignment[]): Brought => (assignable ? { developers } : {});
  const eve = profileOf(1, 'Eve');
  const decision = fc.constantFrom(
    decide({}),
    decide({ roles: ['developers'], assignments: brings(readOnly) }),
    decide({ roles: ['developers'], profile: eve, assignments: brings(readOnly, administrator) }),
    decide({ roles: ['developers', 'auditors'], assignments: brings(administrator) }),
    decide({ roles: ['auditors'], profile: eve }),
    decide({ state: 'disabled' }),
    decide({ state: 'disabled', profile: eve }),
    decide({ state: 'deleted' }),
    decide({ state: 'outOfScope' }),
  );
  const turn = fc
    .record({ decision, kill, isLost: fc.boolean(), heal: fc.option(kill, { nil: null }) })
    .map(({ decision, kill, isLost, heal }): readonly Step[] => {
      const lost: readonly Step[] = isLost ? [{ do: 'lose' }] : [];
      const healed: readonly Step[] =
        heal === null ? [] : [{ do: 'wait' }, { do: 'reconcile', kill: undefined }, { do: 'step', kill: heal }];
      return [decision, { do: 'step', kill }, ...lost, ...healed];
    });
  return fc
    .tuple(decision, fc.array(turn, { minLength: 1, maxLength: 4 }))
    .map(([first, more]): readonly Step[] => [first, { do: 'drain' }, ...more.flat()]);
}

const recording: fc.Arbitrary<Recording> = fc.record({
  repeats: fc.array(fc.constantFrom(1, 1, 1, 2, 3), { minLength: 1, maxLength: 20 }),
  kills: fc.array(fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }), { maxLength: 20 }),
  perBatch: fc.integer({ min: 1, max: 20 }),
});

export const profileOf = (who: number, name: string) => ({
  userName: `user${who}@corp.example.com`,
  displayName: `${name} ${who}`,
  givenName: name,
  familyName: `Example ${who}`,
  email: `user${who}@example.com`,
});

/** Of somebody active without a role, but for what the wish says. */
export const decide = (wish: Wish, who = 1): Step => ({
  do: 'decide',
  who,
  wish: { roles: [], state: 'active', profile: profileOf(who, 'Ada'), ...wish },
});

export async function played({ world, changes }: WatchedTarget, steps: readonly Step[], recording: Recording): Promise<Completeness> {
  await world.clear();
  const from = changes.lines.length;
  const all = wholeSystem(world);
  for (const step of steps) {
    if (step.do === 'decide') all.decide(step.who, step.wish);
    else if (step.do === 'step') await all.step(step.kill);
    else if (step.do === 'reconcile') await all.reconcile(step.kill);
    else if (step.do === 'approve' || step.do === 'reject') await all.settle(step.do === 'approve' ? 'approved' : 'rejected', step.kill);
    else if (step.do === 'lose') all.lose();
    else if (step.do === 'drain') await all.drain();
    else all.later(7);
  }
  // What interrupted runs left undone is done and told by those after them.
  await all.drain();
  for (let round = 1; round <= 4; round += 1) {
    all.later(72);
    await all.reconcile();
    await all.drain();
    if (await all.settle('approved')) await all.drain();
  }
  return completeness(await recorded(all.published, recording), changes.lines.slice(from));
}

/** Through record-audit, as SQS delivers: again until it is done. */
async function recorded(events: readonly AnyIdentityEvent[], { repeats, kills, perBatch }: Recording) {
  const [claims, trail] = [memoryClaims(), memoryTrail()];
  let time = Date.parse('2025-03-01T10:00:00Z');
  const log = async () => {};
  const base = { claims, segments: trail, log, revisions, now: () => new Date(time) };
  const waiting = events.flatMap((event, index) => Array<string>(repeats[index % repeats.length] ?? 1).fill(delivered(event)));
  const ends = [...kills];
  let writer = new AuditWriter(base);
  for (let attempt = 0; waiting.length > 0; attempt += 1) {
    if (attempt > 10_000) throw new Error(`${waiting.length} events are never recorded`);
    const end = ends.shift();
    // A killed execution environment is gone, and another one begins.
    const { wrap } = watching(end === undefined ? {} : killedAfter(end));
    if (end !== undefined) {
      const { log: watchedLog } = wrap({ log });
      writer = new AuditWriter({ ...base, claims: wrap(claims), segments: wrap(trail), log: watchedLog });
    }
    const batch = waiting.splice(0, perBatch);
    const outcomes = await recordAudit(writer, batch);
    waiting.push(...batch.filter((_, index) => outcomes[index] !== undefined));
    if (outcomes.some((outcome) => outcome instanceof Killed)) writer = new AuditWriter(base);
    time += 150_000;
  }
  return [...trail.files.values()].flatMap((body) =>
    [...linesOf(body)].map((line) => auditEntry(JSON.parse(Buffer.from(line).toString('utf8')) as ChainedRecord)),
  );
}
