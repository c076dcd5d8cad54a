/**
 * Carries out a person's decision on what a guard holds back.
 *
 * The decision is noted in the guard's state before anything is done, and taken out of it at the very end: a run that ends in between is
 * taken up again by the same message, and another decision on the same guard comes too late.
 */
import type { PrincipalMessage } from '../../access/role-message.ts';
import { type AnyIdentityEvent, type Cause, causeOf, makeEvent, parseEvent } from '../../events/identity-event.ts';
import { eachLimited } from '../../platform/dynamodb.ts';
import { InvalidEventError, RetryableError } from '../../platform/errors.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Log } from '../../platform/log.ts';
import type { Verify } from '../approval-key.ts';
import { decisionId, digestOf, type GuardDecision, readDecision } from '../guard-decision.ts';
import { dayMs, ended, type GuardState, guardAfter, hasExpired, type TrippedGuard } from '../guard-limits.ts';
import { fingerprint, type GuardStore, type KeptRemoval } from '../guard-store.ts';
import { stagedShown } from '../staged-list.ts';
import { aboutTarget } from '../target-subject.ts';

export interface SettleGuardDependencies {
  /** By the target's name. */
  readonly targets: ReadonlyMap<string, DecidedTarget>;
  readonly verify: Verify;
  readonly publish: Publish;
  readonly log: Log;
  readonly now: () => Date;
}

export interface DecidedTarget {
  readonly store: GuardStore;
  /** To the target's sync-roles. */
  readonly send: (messages: readonly PrincipalMessage[]) => Promise<void>;
}

/** Why a decision is not carried out. It is logged and not tried again. */
type Refusal =
  | 'malformed'
  | 'unknown-target'
  | 'signature'
  | 'unknown-guard'
  | 'already-settled'
  | 'already-decided'
  | 'expired'
  | 'staged-changed';

const attempts = 12;
const width = 16;
/** An approval is good for two days: what only reconcile can do waits for its next run. */
const wordHoldsMs = 2 * dayMs;

/** @throws InvalidEventError for a message it cannot read @throws what keeps KMS, the table, the queue or the bus from answering */
export async function settleGuard(deps: SettleGuardDependencies, body: string): Promise<void> {
  const event = parseMessage(body);
  const { target, guard, outcome, by } = event.change;
  const refuse = (reason: Refusal) => deps.log.warn('GUARD_DECISION_REFUSED', { reason, target, guard, outcome, by, event: event.id });
  const signed = readDecision(event.change);
  if (signed === undefined) return refuse('malformed');
  const decided = deps.targets.get(target);
  if (decided === undefined) return refuse('unknown-target');
  const { decision, signature } = signed;
  if (!(await deps.verify(decision, signature))) return refuse('signature');
  const begun = await begin(deps, decided.store, decision);
  if (typeof begun === 'string') return refuse(begun);
  await carryOut(deps, decided, decision, begun, causeOf(event));
}

function parseMessage(body: string) {
  let event: AnyIdentityEvent;
  try {
    event = parseEvent(JSON.parse(body));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new InvalidEventError('message is no JSON: send a GuardDecided event', { cause });
    throw cause;
  }
  if (event.type !== 'GuardDecided') throw new InvalidEventError(`message is a ${event.type}: send a GuardDecided event`);
  return event;
}

/** Notes what the decision covers, and that it is being carried out. @returns the guard with it */
async function begin({ now }: SettleGuardDependencies, store: GuardStore, decision: GuardDecision): Promise<Decided | Refusal> {
  const id = decisionId(decision);
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const { version, state } = await store.read();
    const { tripped } = state;
    if (tripped?.id !== decision.guard) {
      const known = state.settled.find((one) => one.id === decision.guard);
      return known === undefined ? 'unknown-guard' : known.outcome === 'expired' ? 'expired' : 'already-settled';
    }
    if (tripped.decision !== undefined) return tripped.decision.id === id ? { ...tripped, decision: tripped.decision } : 'already-decided';
    if (hasExpired(tripped, now())) return 'expired';
    const covered = (await store.removalsOf(tripped.id)).filter(({ outcome }) => outcome === 'staged').slice(0, decision.staged);
    if (covered.length < decision.staged || digestOf(covered) !== decision.digest) return 'staged-changed';
    await store.writeSeen(id, covered.map(fingerprint));
    const { outcome, by, staged } = decision;
    const decided = { ...tripped, decision: { id, outcome, by, staged, at: now().toISOString() } };
    if (await store.replace(version, { ...state, tripped: decided })) return decided;
  }
  throw overtaken(decision);
}

type Decided = TrippedGuard & { readonly decision: NonNullable<TrippedGuard['decision']> };

const overtaken = ({ target, guard }: GuardDecision): RetryableError =>
  new RetryableError(`guard ${guard} of ${target} was written by other runs ${attempts} times meanwhile: the decision is tried again`);

async function carryOut(
  deps: SettleGuardDependencies,
  { store, send }: DecidedTarget,
  decision: GuardDecision,
  guard: Decided,
  cause: Cause,
): Promise<void> {
  const { target, outcome, by } = decision;
  const seen = await store.readSeen(guard.decision.id);
  const next = guardAfter(guard.id);
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const before = await store.read();
    // The same message, handled twice at once: the other run is done.
    if (before.state.tripped?.id !== guard.id) return;
    const held = await store.removalsOf(guard.id);
    const covered = held.filter((one) => seen.has(fingerprint(one)));
    const settled = await settle(store, guard, covered);
    const messages = outcome === 'approved' ? messagesOf(covered, cause) : [];
    const unseen = held.filter((one) => one.outcome === 'staged' && !covered.includes(one));
    if (!(await moveOn(store, next, unseen)) || !settled) continue;
    await send(messages);
    const waiting = (await store.removalsOf(next)).filter((one) => one.outcome === 'staged');
    const after = waiting.length === 0 ? undefined : following(guard, next);
    await deps.publish([released(decision, guard, cause), ...(after === undefined ? [] : [tripped(target, after, waiting, cause)])]);
    // With nobody waiting, the version tells whether somebody came since; with somebody waiting, whoever comes waits with them.
    const { version, state } = after === undefined ? before : await store.read();
    if (state.tripped?.id !== guard.id) return;
    if (await store.replace(version, concluded(state, decision, guard, after))) {
      const fields = { target, guard: guard.id, outcome, by, staged: decision.staged, messages: messages.length };
      deps.log.info('GUARD_SETTLED', fields);
      if (after !== undefined) deps.log.error('GUARD_TRIPPED', { target, guard: next, staged: waiting.length, expiresAt: after.expiresAt });
      return;
    }
  }
  throw overtaken(decision);
}

/** @returns false where somebody else wrote a removal meanwhile: if it is another one by now, the decision does not cover it */
async function settle(store: GuardStore, { decision }: Decided, covered: readonly KeptRemoval[]): Promise<boolean> {
  const until = new Date(Date.parse(decision.at) + wordHoldsMs).toISOString();
  const staged = covered.filter(({ outcome }) => outcome === 'staged');
  return await writeAll(store, staged, (one) => {
    // A refusal holds for the decision that asked; where there is none that could be taken anew, it ends by itself.
    const limited = decision.outcome === 'approved' || one.revision === 0;
    return { ...one, outcome: decision.outcome, ...(limited && { until }) };
  });
}

/** Those that the approver did not see go to the guard after this one. */
const moveOn = (store: GuardStore, guard: string, unseen: readonly KeptRemoval[]): Promise<boolean> =>
  writeAll(store, unseen, (one) => ({ ...one, guard }));

async function writeAll(store: GuardStore, removals: readonly KeptRemoval[], changed: (one: KeptRemoval) => KeptRemoval): Promise<boolean> {
  let all = true;
  await eachLimited(removals, width, async (one) => {
    if (!(await store.writeRemoval({ ...changed(one), version: one.version + 1 }))) all = false;
  });
  return all;
}

/** What concerns roles and not principals has no message here: the next run of reconcile asks again. */
function messagesOf(covered: readonly KeptRemoval[], cause: Cause): readonly PrincipalMessage[] {
  return covered
    .filter(({ key }) => !key.startsWith('role#'))
    .map((one) => {
      const [domain = '', guid = ''] = one.key.split('#');
      return { domain, guid, revision: one.revision, cause };
    });
}

function released({ target, guard, outcome, by, staged }: GuardDecision, { decision }: Decided, cause: Cause): AnyIdentityEvent {
  const change = { target, guard, outcome, by, staged };
  return makeEvent({
    ...aboutTarget(target),
    type: 'GuardReleased',
    change,
    at: decision.at,
    cause,
    part: guard,
  });
}

function tripped(target: string, { id, limit, expiresAt, since }: TrippedGuard, waiting: readonly KeptRemoval[], cause: Cause) {
  const change = { target, guard: id, limit, staged: stagedShown(waiting), expiresAt };
  return makeEvent({ ...aboutTarget(target), type: 'GuardTripped', change, at: since, cause, part: id });
}

/** It has as long as the one before had. */
const following = ({ since, expiresAt, limit, decision }: Decided, id: string): TrippedGuard => ({
  id,
  since: decision.at,
  expiresAt: new Date(Date.parse(decision.at) + Date.parse(expiresAt) - Date.parse(since)).toISOString(),
  limit,
});

function concluded(state: GuardState, { outcome, by, staged }: GuardDecision, guard: Decided, after: TrippedGuard | undefined): GuardState {
  const { tripped: _, untold, ...rest } = state;
  const left = untold?.released;
  return {
    ...rest,
    // What a person approved is no reason to stop the next removal; what they rejected is.
    ...(outcome === 'approved' && { buckets: [], seenAt: 0 }),
    ...(left && { untold: { released: left } }),
    ...(after && { tripped: after }),
    settled: ended(state.settled, { id: guard.id, outcome, at: guard.decision.at, by, staged }),
  };
}
