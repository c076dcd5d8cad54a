/**
 * Whether what one statement means is within another: element by element, and careful. "Covered" is certain, "not covered" may be an
 * overcaution, so that nothing new goes unseen.
 */
import { implies } from './condition.ts';
import { areDisjoint, contains, isEverything } from './pattern.ts';
import type { Entries, Statement } from './statement.ts';

/** Whether every call that `inner` means is one that `outer` means, effects aside. */
export function covers(outer: Statement, inner: Statement): boolean {
  return (
    coversPrincipals(outer.principals, inner.principals) &&
    coversEntries(outer.actions, inner.actions) &&
    coversResources(outer.resources, inner.resources) &&
    outer.conditions.every((weaker) => inner.conditions.some((stronger) => implies(stronger, weaker)))
  );
}

function coversEntries(outer: Entries, inner: Entries): boolean {
  if (!outer.negated && outer.entries.some(({ pattern }) => isEverything(pattern))) return true;
  if (!outer.negated) {
    return !inner.negated && inner.entries.every((one) => outer.entries.some((wider) => contains(wider.pattern, one.pattern)));
  }
  // Everything but: what is left out there must be left out here too, or be none of what is meant here.
  if (inner.negated) return outer.entries.every((one) => inner.entries.some((wider) => contains(wider.pattern, one.pattern)));
  return inner.entries.every((one) => outer.entries.every((left) => areDisjoint(one.pattern, left.pattern)));
}

const coversResources = (outer: Statement['resources'], inner: Statement['resources']): boolean =>
  outer === undefined || (inner !== undefined && coversEntries(outer, inner));

function coversPrincipals(outer: Statement['principals'], inner: Statement['principals']): boolean {
  if (outer === undefined || inner === undefined) return outer === inner;
  if (!outer.negated && outer.names.includes('*')) return true;
  if (outer.negated !== inner.negated) return false;
  const [wide, narrow] = outer.negated ? [inner.names, outer.names] : [outer.names, inner.names];
  // Whom NotPrincipal leaves out depends on accounts and boundaries as well: only the same list is the same.
  if (outer.negated) return wide.length === narrow.length && wide.every((name) => narrow.includes(name));
  return narrow.every((name) => wide.includes(name));
}

/** A statement in its smallest parts: one principal, one action, one resource each, where these are listed. */
export function partsOf(statement: Statement): readonly Statement[] {
  const single = (entries: Entries): readonly Entries[] =>
    entries.negated ? [entries] : entries.entries.map((entry) => ({ negated: false, entries: [entry] }));
  const { principals, resources } = statement;
  const whose =
    principals === undefined || principals.negated ? [principals] : principals.names.map((name) => ({ negated: false, names: [name] }));
  return whose.flatMap((one) =>
    single(statement.actions).flatMap((actions) =>
      (resources === undefined ? [undefined] : single(resources)).map((resource) => ({
        ...statement,
        principals: one,
        actions,
        resources: resource,
      })),
    ),
  );
}

/** Parts of a statement that no statement of the same effect in a policy covers. */
export function partsBeyond(statement: Statement, policy: readonly Statement[]): readonly Statement[] {
  const same = policy.filter(({ effect }) => effect === statement.effect);
  if (same.some((one) => covers(one, statement))) return [];
  return partsOf(statement).filter((part) => !same.some((one) => covers(one, part)));
}
