/**
 * How much of one principal fits: an item of DynamoDB ends at 400 KB, an event at 256 KB (EventBridge, SQS), and a decision tells its grants
 * up to three times. What is too much would be refused as a whole, and with it the end of what may not be held any longer. So before that
 * the least is left out: first how nested groups lead to a role, then further denials, at last new grants; never a loss.
 */
import type { Denial, Grant } from '../events/catalogue.ts';
import type { AnyIdentityEvent } from '../events/identity-event.ts';
import type { Judgement } from './judgement.ts';

const kilobyte = 1024;
/** From here on grants do without their paths: `npm run decide` finds them anew. */
const manyGrants = 40 * kilobyte;
/** All grants of a principal: 200 and more of usual names. */
const mostGrants = 100 * kilobyte;
/** What a decision adds, takes away and leaves, together: one event. */
const mostDecided = 200 * kilobyte;
/** Denials that are kept, and denials and violations that are told: about seventy, and forty. */
const mostDenied = 35 * kilobyte;
const mostTold = 60 * kilobyte;
/** Events of earlier decisions that a later one may carry along. */
const mostCarried = 30 * kilobyte;

type Grants = Judgement['grants'];

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** Whether the outbox has to be emptied before another decision is written. */
export const isOutboxFull = (events: readonly AnyIdentityEvent[]): boolean => bytesOf(events) > mostCarried;

/** @param held the grants that the principal has by now */
export function withinLimits(judgement: Judgement, held: Grants): Judgement {
  const told = bytesOf(judgement.violations) + bytesOf(judgement.refusals);
  if (bytesOf(judgement.grants) <= manyGrants && bytesOf(judgement.denied) <= mostDenied && told <= mostTold) return judgement;
  const { fitting, surplus } = fittingGrants(judgement.grants, held);
  const denied = { ...judgement.denied, ...surplus };
  const refusals = [...judgement.refusals, ...Object.values(surplus)];
  const violations = fittingIn(mostTold / 2, judgement.violations);
  return {
    grants: fitting,
    denied: Object.fromEntries(fittingIn(mostDenied, Object.entries(denied))),
    violations,
    refusals: fittingIn(mostTold / 2, refusals),
  };
}

/** What is held stays before anything is added: nobody loses a role by another one. */
function fittingGrants(grants: Grants, held: Grants): { readonly fitting: Grants; readonly surplus: Readonly<Record<string, Denial>> } {
  const bare = Object.entries(grants).map(([key, { path: _, ...grant }]): [string, Grant] => [key, grant]);
  const kept = bare.filter(([key]) => Object.hasOwn(held, key));
  const added = bare.filter(([key]) => !Object.hasOwn(held, key));
  const ended = Object.fromEntries(Object.entries(held).filter(([key]) => !Object.hasOwn(grants, key)));
  const adding = fittingIn(mostGrants - bytesOf(kept), added);
  // One after the other: the decision after this one, which follows at once, adds them.
  const isTooMuch = 2 * bytesOf(adding) + bytesOf(kept) + bytesOf(ended) > mostDecided && Object.keys(ended).length > 0;
  const surplus = added.slice(adding.length).map(([key, grant]): [string, Denial] => [key, tooMany(grant)]);
  return { fitting: Object.fromEntries([...kept, ...(isTooMuch ? [] : adding)]), surplus: Object.fromEntries(surplus) };
}

/** The first of them that take no more than these bytes. */
function fittingIn<T>(bytes: number, items: readonly T[]): readonly T[] {
  let left = bytes;
  const end = items.findIndex((item) => {
    left -= bytesOf(item);
    return left < 0;
  });
  return end < 0 ? items : items.slice(0, end);
}

const tooMany = ({ role, target, mapping, group }: Grant): Denial => ({
  role,
  target,
  mapping,
  group,
  reason: 'role',
  detail: 'the principal holds more roles than fit into one item of the grants table: give it fewer, by roles that are wider',
  policies: [],
});
