/** What was before and after, and what the decision goes by: read from an event's change, for a reviewer and for queries. Pure. */
import type { Grant } from '../events/catalogue.ts';
import type { AnyIdentityEvent } from '../events/identity-event.ts';
import type { JsonValue } from '../platform/canonical-json.ts';

export interface BeforeAfter {
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

type Loose = { readonly [name: string]: JsonValue };

/** A side is left out where the event says nothing about it; null means that there was, or is, nothing. */
export function beforeAfter({ type, change, subject }: AnyIdentityEvent): BeforeAfter {
  const loose = change as Loose;
  const self = { name: subject.name, dn: subject.dn };
  if (/(?:Created|EnteredScope)$/.test(type)) return { before: null, after: { ...self, ...loose } };
  if (/(?:Deleted|LeftScope)$/.test(type)) return { before: self, after: null };
  if ('before' in loose && 'after' in loose) return { before: loose.before as JsonValue, after: loose.after as JsonValue };
  switch (type) {
    case 'RoleGranted':
      return { before: null, after: loose.grant as JsonValue };
    case 'RoleRevoked':
      return { before: loose.grant as JsonValue, after: null };
    case 'GroupMemberAdded':
      return { before: null, after: loose.member as JsonValue };
    case 'GroupMemberRemoved':
      return { before: loose.member as JsonValue, after: null };
    case 'RoleAssigned':
      return { before: null, after: loose.assignment as JsonValue };
    case 'RoleUnassigned':
      return { before: loose.assignment as JsonValue, after: null };
    case 'AccountProvisioned':
      return { before: null, after: loose };
    case 'AccountDeprovisioned':
      return { before: loose.account as JsonValue, after: null };
    case 'AccessEnded':
      return { before: loose.ended as JsonValue, after: [] };
    case 'AccessDecided':
      return { before: held(change.holds, change.revoked, change.granted), after: change.holds.map(named) };
    case 'AccountUpdated':
    case 'PolicyChanged':
      return sides((loose.attributes ?? {}) as Loose);
    default:
      return /(?:Renamed|Updated)$/.test(type) ? sides(loose) : {};
  }
}

/** Attribute changes as two objects. */
function sides(attributes: Loose): BeforeAfter {
  const side = (which: 'before' | 'after') =>
    Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, (value as Loose)[which] ?? null]));
  return { before: side('before'), after: side('after') };
}

const named = ({ role, target }: Grant): JsonValue => ({ role, target });

/** What a principal held before a decision: what it holds after, without what came, with what went. */
function held(holds: readonly Grant[], revoked: readonly Grant[], granted: readonly Grant[]): JsonValue {
  const key = ({ role, target }: Grant) => `${target}/${role}`;
  const came = new Set(granted.map(key));
  return [...holds.filter((grant) => !came.has(key(grant))), ...revoked].map(named);
}

/** Ids of the policies and mappings that an event's change names, sorted; of a grant, of a denial, or of all grants of a decision. */
export function decidedBy({ change }: AnyIdentityEvent): { readonly policies: readonly string[]; readonly mappings: readonly string[] } {
  const policies = new Set<string>();
  const mappings = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one);
    else if (typeof value === 'object' && value !== null) {
      const { mapping, policies: listed, violates } = value as Readonly<Record<string, unknown>>;
      if (typeof mapping === 'string') mappings.add(mapping);
      for (const policy of [listed, violates].flat()) {
        if (typeof policy === 'string') policies.add(policy);
        else if (typeof policy === 'object' && policy !== null && 'id' in policy) policies.add(String(policy.id));
      }
      for (const member of Object.values(value)) visit(member);
    }
  };
  visit(change);
  return { policies: [...policies].sort(), mappings: [...mappings].sort() };
}
