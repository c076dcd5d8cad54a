/**
 * Makes a review of access: reads who is to hold what and what was made of it, page by page, and writes the report as JSON, CSV and pages.
 * Of each person only the finished text is kept meanwhile, so that 100,000 grants fit into the function's memory.
 */
import * as v from 'valibot';
import { type PrincipalGrants, principalKey } from '../../access/grants.ts';
import { canonicalJson, type JsonValue, sha256 as sha256Of } from '../../platform/canonical-json.ts';
import { InvalidEventError } from '../../platform/errors.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Log } from '../../platform/log.ts';
import {
  countsOf,
  type ReviewCounts,
  type ReviewedDifference,
  type ReviewedGrant,
  type ReviewedPrincipal,
  type ReviewedTarget,
  type ReviewHead,
  reviewText,
} from '../access-review.ts';
import { type AccountEntry, accountPk } from '../ledger.ts';
import type { DriftReport } from '../reconcile/drift-report.ts';
import { reviewOrder, reviewPrincipal } from '../review-principal.ts';
import { accessReviewed } from '../sign-off.ts';
import { reviewCsv } from './review-csv.ts';
import { isDue, type ReviewEvery } from './review-due.ts';
import { reviewPages } from './review-page.ts';
import type { ReviewSources } from './review-sources.ts';
import type { ReviewStore } from './review-store.ts';

export interface ReviewAccessDependencies {
  readonly deployment: string;
  readonly targets: readonly string[];
  readonly every: ReviewEvery;
  readonly logonDomains: readonly string[];
  /** Key of the configuration object. */
  readonly configuration: string;
  readonly sources: ReviewSources;
  readonly store: ReviewStore;
  readonly publish: Publish;
  readonly log: Log;
  readonly now: () => Date;
}

/** The schedule sends nothing; a person may ask for a report at once. */
const requestSchema = v.object({ now: v.optional(v.boolean(), false) });

export type ReviewOutcome =
  | { readonly state: 'not-due' }
  | {
      readonly state: 'completed';
      readonly report: string;
      readonly sha256: string;
      readonly counts: ReviewCounts;
      /** Keys. */
      readonly files: readonly string[];
    };

/**
 * Handles one invocation.
 *
 * @throws InvalidEventError for a request it cannot read
 * @throws what kept it from reading or writing: an alarm tells, and the next call of the schedule makes the report
 */
export async function reviewAccess(deps: ReviewAccessDependencies, request: unknown): Promise<ReviewOutcome> {
  const asked = v.safeParse(requestSchema, request ?? {});
  if (!asked.success) throw new InvalidEventError('not a request to review access: send {} or {"now": true}');
  const begun = deps.now();
  if (!asked.output.now && !isDue(deps.every, (await deps.store.newest())?.generatedAt, begun)) return { state: 'not-due' };
  const { targets, differences } = await readDrift(deps);
  const { principals, holders } = await readHolders(deps, begun.toISOString());
  const generatedAt = deps.now().toISOString();
  const { deployment, configuration, logonDomains } = deps;
  const head: ReviewHead = {
    version: 1,
    report: `access-review/${generatedAt.slice(0, 10)}/${generatedAt.replaceAll(':', '-')}`,
    ...{ deployment, configuration, begunAt: begun.toISOString(), generatedAt, targets, differences },
    logons: logonDomains,
    counts: countsOf(principals, grantsOf(holders), differences, holders.length),
  };
  const { sha256, files } = await write(deps.store, head, holders);
  await deps.publish([accessReviewed({ deployment, report: head.report, sha256, counts: head.counts }, generatedAt)]);
  await deps.store.setNewest({ report: head.report, generatedAt, sha256, files });
  deps.log.info('ACCESS_REVIEWED', { report: head.report, sha256, ...head.counts });
  return { state: 'completed', report: head.report, sha256, counts: head.counts, files };
}

async function readDrift({ targets, sources }: ReviewAccessDependencies) {
  const reports = await Promise.all(targets.map(async (name) => [name, await sources.drift(name)] as const));
  return {
    targets: reports.map(
      ([name, report]): ReviewedTarget => ({ name, lastUse: 'not told by the target', driftReport: report?.completedAt ?? null }),
    ),
    differences: reports.flatMap(([, report]) => (report === undefined ? [] : differencesOf(report))),
  };
}

/** What is healed by itself is none to review. */
const differencesOf = ({ target, findings }: DriftReport): readonly ReviewedDifference[] =>
  findings
    .filter(({ outcome }) => outcome !== 'healing')
    .map(({ kind, outcome, detail, principal, role, account }) => ({
      ...{ target, kind, outcome, detail },
      ...(principal === undefined ? {} : { principal: principal.name }),
      ...(role === undefined ? {} : { role }),
      ...(account === undefined ? {} : { account }),
    }));

/** The canonical text of each, sorted. */
async function readHolders({ sources }: ReviewAccessDependencies, now: string) {
  const ends = await sources.ends();
  const found: { readonly order: string; readonly text: string }[] = [];
  let principals = 0;
  let after: string | undefined;
  do {
    const page = await sources.scan(after);
    const keys = page.items.flatMap((item) => Object.keys(item.profiles).map((target) => keyAt(target, item)));
    const [entries, logons] = await Promise.all([
      sources.accounts(keys),
      sources.logons(page.items.map(({ domain, subject: { guid } }) => ({ domain, guid }))),
    ]);
    for (const item of page.items) {
      principals += 1;
      const lastLogon = logons.get(principalKey(item.domain, item.subject.guid));
      const reviewed = reviewPrincipal(item, { entries: entriesOf(item, entries), ends, lastLogon, now });
      if (reviewed) found.push({ order: reviewOrder(reviewed), text: canonicalJson(reviewed as unknown as JsonValue) });
    }
    after = page.after;
  } while (after !== undefined);
  found.sort((one, other) => (one.order < other.order ? -1 : 1));
  return { principals, holders: found.map(({ text }) => text) };
}

const keyAt = (target: string, { domain, subject }: PrincipalGrants): string => accountPk(target, domain, subject.guid);

function entriesOf(item: PrincipalGrants, entries: ReadonlyMap<string, AccountEntry>): ReadonlyMap<string, AccountEntry> {
  return new Map(
    Object.keys(item.profiles).flatMap((target) => {
      const entry = entries.get(keyAt(target, item));
      return entry === undefined ? [] : [[target, entry] as const];
    }),
  );
}

function* principalsOf(texts: Iterable<string>): Generator<ReviewedPrincipal> {
  for (const text of texts) yield JSON.parse(text) as ReviewedPrincipal;
}

function* grantsOf(texts: Iterable<string>): Generator<ReviewedGrant> {
  for (const { grants } of principalsOf(texts)) yield* grants;
}

/** @returns the hash of the canonical JSON, and the keys of all files */
async function write(store: ReviewStore, head: ReviewHead, holders: readonly string[]) {
  const sums: string[] = [];
  const files: string[] = [];
  const file = async (ending: string, pieces: () => Iterable<string>, contentType: string): Promise<string> => {
    const bytes = bytesOf(pieces);
    const key = `${head.report}${ending}`;
    await store.write(key, bytes, contentType);
    const sum = sha256Of(bytes);
    sums.push(`${sum}  ${key.slice(key.lastIndexOf('/') + 1)}\n`);
    files.push(key);
    return sum;
  };
  const sha256 = await file('.json', () => reviewText(head, holders), 'application/json');
  await file('.csv', () => reviewCsv(head, principalsOf(holders)), 'text/csv; charset=utf-8; header=present');
  for (const { ending, html } of reviewPages(head, sha256, principalsOf(holders)))
    await file(ending, () => [html], 'text/html; charset=utf-8');
  // As sha256sum writes and checks it.
  await store.write(`${head.report}.sha256`, Buffer.from(sums.join(''), 'utf8'), 'text/plain; charset=utf-8');
  return { sha256, files: [...files, `${head.report}.sha256`] };
}

/** Counts before it writes: bytes that grow would be there twice, which at 100,000 grants is more than the function has. */
function bytesOf(pieces: () => Iterable<string>): Buffer {
  let length = 0;
  for (const piece of pieces()) length += Buffer.byteLength(piece, 'utf8');
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces()) at += bytes.write(piece, at, 'utf8');
  return bytes;
}
