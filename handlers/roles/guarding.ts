/**
 * A target's guard over its store.
 *
 * Order of writes: what is admitted is counted before it is noted, and what is staged is noted before the guard is known as tripped. Where a
 * run ends in between, the same question counts once more or stages once more: nothing is let through that was not counted, nothing staged
 * is lost.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { eachLimited, mapLimited } from '../platform/dynamodb.ts';
import { RetryableError } from '../platform/errors.ts';
import { exclusive } from '../platform/exclusive.ts';
import type { Admission, Guard, GuardLimits, Removal } from './guard.ts';
import { type Counts, ended, type GuardState, guardAfter, hasExpired, newGuard, type TrippedGuard, weigh } from './guard-limits.ts';
import { fingerprint, type GuardStore, type KeptRemoval, keptRemoval, type Standing, stagedFirst, standing } from './guard-store.ts';
import { stagedShown } from './staged-list.ts';

export interface GuardSettings {
  /** Name of the target. */
  readonly target: string;
  readonly limits: GuardLimits;
  readonly now: () => Date;
}

/** Times that other runs may write the state first. */
const attempts = 12;
/** Removals of a run that are read or written at once. */
const width = 16;

type Asked = { readonly removal: Removal; readonly kept: KeptRemoval | undefined; readonly standing: Standing };

export function guarding(store: GuardStore, { target, limits, now }: GuardSettings): Guard {
  const alone = exclusive();

  async function ask(removals: readonly Removal[]): Promise<Admission> {
    check(removals);
    if (removals.every(({ revocations, accounts }) => revocations + accounts === 0)) return { admitted: true };
    // One after the other within a process: they would only make each other try again.
    return await alone(target, async () => {
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        const admission = await attemptTo(removals);
        if (admission !== undefined) return admission;
        await pause(Math.random() * 10 * attempt);
      }
      throw new RetryableError(`the guard of ${target} was written by other runs ${attempts} times meanwhile: the message is tried again`);
    });
  }

  /** @returns undefined when another run wrote something in between */
  async function attemptTo(removals: readonly Removal[]): Promise<Admission | undefined> {
    // One moment for the whole attempt: a guard must not expire between two looks at it.
    const at = now();
    const [read, kept] = await Promise.all([store.read(), mapLimited(removals, width, ({ key }) => store.readRemoval(key))]);
    const waits = await waiting(read.state.tripped, at);
    const asked = removals.map((removal, index) => ({
      removal,
      kept: kept[index],
      standing: standing(kept[index], removal, waits, at),
    }));
    const [first] = asked;
    if (asked.length === 1 && first?.standing === 'rejected') {
      return { admitted: false, guard: first.kept?.guard ?? target, staged: false, rejected: true };
    }
    const open = asked.filter((one) => one.standing === undefined);
    if (open.length === 0 && asked.every((one) => one.standing !== 'staged')) return await admitted(read.state, asked);
    const id = newGuard(target, open[0]?.removal, at);
    const weighed = weigh(read.state, limits, { counts: total(open), held: read.held, id }, at);
    const state = weighed.released === undefined ? weighed.state : await released(weighed.state, weighed.released);
    if (weighed.admitted) return (await store.replace(read.version, state)) ? await admitted(state, asked) : undefined;
    return await stage(read.version, state, asked, weighed.tripped);
  }

  /** While a decision is being carried out, what it does not cover is staged anew, for the guard after it. */
  async function waiting(guard: TrippedGuard | undefined, at: Date): Promise<(kept: KeptRemoval) => boolean> {
    if (guard === undefined || hasExpired(guard, at)) return () => false;
    if (guard.decision === undefined) return (kept) => kept.guard === guard.id;
    const seen = await store.readSeen(guard.decision.id);
    return (kept) => kept.guard === guardAfter(guard.id) || (kept.guard === guard.id && seen.has(fingerprint(kept)));
  }

  /** Notes what was counted or approved, so that asking again counts nothing. */
  async function admitted(state: GuardState, asked: readonly Asked[]): Promise<Admission> {
    const fresh = asked.filter((one) => one.standing === undefined || one.standing === 'approved');
    const at = now().toISOString();
    await eachLimited(fresh, width, async ({ removal, kept, standing }) => {
      // Of what a person approved a listing may ask for less than sync-roles then finds: all of it stays approved.
      const approved = standing === 'approved' && kept !== undefined;
      const note = approved
        ? { ...kept, outcome: 'admitted' as const, revision: removal.revision, version: kept.version + 1, at, until: undefined }
        : keptRemoval(removal, kept, 'admitted', at);
      // Where somebody else wrote it meanwhile the note is missing, and the same question counts once more.
      await store.writeRemoval(note);
    });
    return { admitted: true, ...telling(state) };
  }

  async function stage(
    version: number,
    state: GuardState,
    asked: readonly Asked[],
    trips: TrippedGuard | undefined,
  ): Promise<Admission | undefined> {
    const guard = state.tripped;
    if (guard === undefined) return undefined;
    const staged = await noted(guard, asked);
    if (staged === undefined) return undefined;
    const next = trips === undefined ? state : tripping(state, trips, staged);
    // Whoever carries out a decision sees by the version that something came in between.
    if (trips !== undefined || guard.decision !== undefined) {
      if (!(await store.replace(version, next))) return undefined;
    } else {
      const { tripped } = (await store.read()).state;
      if (tripped?.id !== guard.id || tripped.decision !== undefined) return undefined;
    }
    const untold = staged.filter(({ told }) => !told);
    const refused = asked.filter((one) => one.standing === 'rejected').map(({ removal }) => removal.key);
    return {
      admitted: false,
      guard: staged[0]?.guard ?? guard.id,
      staged: untold.length > 0,
      ...(refused.length > 0 && { refused }),
      ...telling(next, untold),
    };
  }

  /** What is staged of that which was asked for, as it is kept. @returns undefined when another run wrote one of them in between */
  async function noted(guard: TrippedGuard, asked: readonly Asked[]): Promise<readonly KeptRemoval[] | undefined> {
    // A decision that is being carried out is about what was there before: what comes now is for the guard after it.
    const id = guard.decision === undefined ? guard.id : guardAfter(guard.id);
    const at = now().toISOString();
    const staged = asked.flatMap((one) => (one.standing === 'staged' && one.kept !== undefined ? [one.kept] : []));
    const open = asked.filter((one) => one.standing === undefined);
    await eachLimited(open, width, async ({ removal, kept }) => {
      const note = keptRemoval(removal, kept, 'staged', at, id);
      if (await store.writeRemoval(note)) staged.push(note);
    });
    const wanted = asked.filter((one) => one.standing === 'staged').length + open.length;
    return staged.length === wanted ? staged.sort(stagedFirst) : undefined;
  }

  /** The state with the guard that expired told of. */
  async function released(state: GuardState, expired: TrippedGuard): Promise<GuardState> {
    const staged = (await store.removalsOf(expired.id)).filter(({ outcome }) => outcome === 'staged').length;
    return {
      ...state,
      untold: { released: { guard: expired.id, staged } },
      settled: ended(state.settled, { id: expired.id, outcome: 'expired', at: now().toISOString(), staged }),
    };
  }

  /** The events that are left to raise, and what notes that they have been. */
  function telling({ untold }: GuardState, staged: readonly KeptRemoval[] = []): Pick<Admission, 'told' | 'released'> & Tripped {
    if (untold?.released === undefined && staged.length === 0) return {};
    return {
      ...(untold?.released === undefined ? {} : { released: untold.released }),
      ...(untold?.tripped === undefined || staged.length === 0 ? {} : { tripped: untold.tripped }),
      told: async () => {
        await eachLimited(staged, width, async (note) => {
          await store.writeRemoval({ ...note, version: note.version + 1, told: true });
        });
        await forget(untold, staged.length > 0);
      },
    };
  }

  /** Empties the outbox of what was told; what others added meanwhile stays. */
  async function forget(told: GuardState['untold'], trippedToo: boolean): Promise<void> {
    if (told === undefined) return;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const { version, state } = await store.read();
      const { untold, ...rest } = state;
      const tripped = trippedToo && untold?.tripped?.guard === told.tripped?.guard ? undefined : untold?.tripped;
      const left = untold?.released?.guard === told.released?.guard ? undefined : untold?.released;
      if (tripped === untold?.tripped && left === untold?.released) return;
      const both = { ...(tripped && { tripped }), ...(left && { released: left }) };
      if (await store.replace(version, { ...rest, ...(Object.keys(both).length > 0 && { untold: both }) })) return;
    }
    // They are told once more, under the same ids.
  }

  return {
    admit: (removal) => ask([removal]),
    admitRun: (removals) => ask(removals),
    held: (change) => store.hold(change),
  };
}

type Tripped = Pick<Extract<Admission, { admitted: false }>, 'tripped'>;

const tripping = (state: GuardState, { id, limit, expiresAt }: TrippedGuard, written: readonly KeptRemoval[]): GuardState => ({
  ...state,
  untold: { ...state.untold, tripped: { guard: id, limit, expiresAt, staged: stagedShown(written) } },
});

const total = (asked: readonly Asked[]): Counts => ({
  revocations: asked.reduce((sum, { removal }) => sum + removal.revocations, 0),
  accounts: asked.reduce((sum, { removal }) => sum + removal.accounts, 0),
});

const countOf = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** @throws RangeError for counts that are none, and for two removals of one key */
function check(removals: readonly Removal[]): void {
  for (const { key, revocations, accounts } of removals) {
    if (countOf(revocations) && countOf(accounts)) continue;
    throw new RangeError(`removal of ${key} counts ${revocations} revocations and ${accounts} accounts: give whole numbers from 0`);
  }
  if (new Set(removals.map(({ key }) => key)).size < removals.length) throw new RangeError('a run asks for each key once: add them up');
}
