/** Holdings as answers show them: with the change of the directory that gave and ended each, and who made it. */
import type { Assignment } from '../../events/catalogue.ts';
import type { ChainedRecord } from '../audit-record.ts';
import { type ById, chainOf, missingCause } from './causes.ts';
import { grantAt, type Holding, type HoldingState, stateAt } from './holdings.ts';
import { shortName } from './principals.ts';
import { byText, doneBy, whatHappened } from './record-text.ts';

/** What began a chain of causes. */
export interface Origin {
  /** Id of its event; of what was no event, what the decision calls its cause. */
  readonly event: string;
  readonly type: string;
  readonly at?: string | undefined;
  readonly what: string;
  /** Undefined where no Security log tells. */
  readonly by?: string | undefined;
  /** Whether there is a record of it: what is no event, as the tick of a schedule, has none. */
  readonly recorded: boolean;
}

export interface GrantRow {
  /** `<user>/<role>@<target>`: what `why --grant` takes. */
  readonly id: string;
  readonly user: { readonly guid: string; readonly name: string; readonly dn: string; readonly domain: string };
  readonly role: string;
  readonly target: string;
  readonly state: HoldingState;
  readonly since: string;
  readonly until?: string | undefined;
  readonly mapping: string;
  /** Names of groups: from the one that the user is a direct member of to the one that the mapping selects. */
  readonly path: readonly string[];
  readonly policies: readonly string[];
  /** Policies that forbid it by now. */
  readonly violates?: readonly string[] | undefined;
  readonly assignments: readonly Assignment[];
  /** When the target had it, and when it had it no more. */
  readonly givenAt?: string | undefined;
  readonly takenAt?: string | undefined;
  readonly given?: Origin | undefined;
  readonly ended?: Origin | undefined;
}

/**
 * Ids of grants are names where those are of one user only in the answer, else objectGUIDs.
 *
 * @param at the time asked about; undefined: now
 */
export function grantRows(holdings: readonly Holding[], known: ReadonlyMap<string, ChainedRecord>, at?: string): readonly GrantRow[] {
  const called = Map.groupBy(new Map(holdings.map(({ subject }) => [subject.guid, subject])).values(), (subject) => shortName(subject));
  return holdings.map((holding): GrantRow => {
    const { domain, subject, role, target, since, until, moves } = holding;
    const { mapping, path = [], group, policies, violates, assignments = [] } = grantAt(holding, at);
    const isOver = until !== undefined && (at === undefined || until <= at);
    return {
      id: grantId((called.get(shortName(subject)) ?? []).length > 1 ? subject.guid : shortName(subject), role, target),
      user: { guid: subject.guid, name: shortName(subject), dn: subject.dn, domain },
      ...{ role, target, state: stateAt(holding, at), since },
      ...(isOver ? { until } : {}),
      ...{ mapping, path: [...path, group].map(({ name }) => name), policies, assignments },
      ...(violates === undefined ? {} : { violates }),
      ...maybe('givenAt', moves.find(({ done }) => done === 'given')?.at),
      ...maybe('takenAt', isOver ? moves.findLast(({ done }) => done === 'taken')?.at : undefined),
      ...maybe('given', originOf(holding.givenBy, known)),
      ...maybe('ended', isOver ? originOf(holding.endedBy, known) : undefined),
    };
  });
}

const maybe = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: Value };

export const grantId = (user: string, role: string, target: string): string => `${user}/${role}@${target}`;

/** User names of Active Directory hold no slash, names of targets no at sign. @returns undefined for what is no such id */
export function readGrantId(id: string): { readonly user: string; readonly role: string; readonly target: string } | undefined {
  const { user, role, target } = /^(?<user>[^/]+)\/(?<role>.+)@(?<target>[^@]+)$/s.exec(id)?.groups ?? {};
  return user === undefined || role === undefined || target === undefined ? undefined : { user, role, target };
}

/** The decisions that gave and ended the holdings: what is to be read to know their origins. */
export function decisionsOf(holdings: readonly Holding[], records: ReadonlyMap<string, ChainedRecord>): ById {
  const ids = holdings.flatMap(({ givenBy, endedBy }) => [givenBy, endedBy]);
  return new Map(ids.flatMap((id) => (id !== undefined && records.has(id) ? [[id, records.get(id) as ChainedRecord]] : [])));
}

/** @param decision id of a decision */
export function originOf(decision: string | undefined, known: ReadonlyMap<string, ChainedRecord>): Origin | undefined {
  const record = decision === undefined ? undefined : known.get(decision);
  if (record === undefined) return undefined;
  const chain = chainOf(record, known);
  const first = chain.at(-1) as ChainedRecord;
  const beyond = missingCause(chain);
  if (beyond !== undefined)
    return { event: beyond.id, type: beyond.type, at: beyond.occurredAt ?? beyond.detectedAt, what: beyond.type, recorded: false };
  const { type, times } = first.unmapped;
  return {
    event: first.metadata.uid,
    type,
    at: times.occurredAt,
    what: `${whatHappened(first)}${byText(first)}`,
    by: doneBy(first),
    recorded: true,
  };
}
