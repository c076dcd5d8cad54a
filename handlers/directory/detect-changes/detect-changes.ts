/** One poll of a directory: pages of changes into the mirror, the cursor after each. */
import { createHash } from 'node:crypto';
import type { Log } from '../../platform/log.ts';
import { applyPage, countsOf, endsMemberships, keysOf, MirrorIncompleteError, type PageContext } from '../apply-page.ts';
import {
  type ChangedObject,
  CookieRefusedError,
  capturedAttributes,
  capturedFilter,
  type DirectorySource,
  DirectoryUnreachableError,
} from '../directory-source.ts';
import {
  type Cursor,
  isObjectRow,
  isStatusRow,
  LeaseLostError,
  type Mirror,
  type MirrorRow,
  membersListing,
  objectKey,
  type SnapshotCounts,
  type StatusRow,
  statusKey,
} from '../mirror.ts';

export interface DetectChangesDependencies {
  readonly domain: string;
  readonly mirror: Mirror;
  /** Opens a connection to a domain controller. */
  readonly connect: () => Promise<DirectorySource>;
  readonly log: Log;
  readonly now: () => Date;
}

export interface Invocation {
  readonly requestId: string;
  readonly remainingMs: () => number;
}

/** How a poll ended. `continues`: more pages wait, and the next poll takes them up from the saved cursor. */
export type PollResult =
  | { readonly outcome: 'lease-held' }
  | { readonly outcome: 'done' | 'continues'; readonly pages: number; readonly objects: number; readonly written: number };

/** What is left of the invocation when no further page is begun. A page of AD holds some 1,000 objects. */
const reserveMs = 30_000;

/** Part of the cursor: a cookie is only good for the question it was given for. */
export const query = createHash('sha256')
  .update(JSON.stringify([capturedFilter, capturedAttributes]))
  .digest('hex')
  .slice(0, 16);

/**
 * Polls once.
 *
 * @throws DirectoryUnreachableError after the mirror's status says so: the invocation fails and its alarm rings, the next poll tries again
 * @throws LeaseLostError when another invocation took over
 */
export async function detectChanges(deps: DetectChangesDependencies, invocation: Invocation): Promise<PollResult> {
  const { domain, mirror, log } = deps;
  const lease = await mirror.acquireLease(domain, invocation.requestId, invocation.remainingMs());
  if (lease === undefined) {
    log.info('LEASE_HELD', { domain });
    return { outcome: 'lease-held' };
  }
  let cursor = startingCursor(lease.cursor, domain, log);
  let released = false;
  const result = { pages: 0, objects: 0, written: 0 };
  try {
    const source = await deps.connect();
    try {
      let startedOver = false;
      for (;;) {
        const page = await nextPage(source, cursor, deps);
        if (page === undefined) {
          cursor = fullSync(cursor);
          continue;
        }
        const detectedAt = deps.now().toISOString();
        const context: PageContext = { domain, fence: lease.fence, detectedAt, snapshot: cursor.snapshot !== undefined };
        const rows = await rowsOf(page.objects, context, mirror);
        if (rows === 'incomplete') {
          if (startedOver || cursor.cookie.length === 0)
            throw new MirrorIncompleteError(`a full sync of ${domain} brought an object without objectClass`);
          log.warn('MIRROR_INCOMPLETE', { domain, remedy: 'full sync' });
          startedOver = true;
          cursor = fullSync(cursor);
          continue;
        }
        const counts = cursor.snapshot === undefined ? undefined : sum(cursor.snapshot, countsOf(page.objects));
        const status = await statusRow(deps, context, cursor, page.moreResults ? undefined : counts);
        await mirror.write(rows);
        // After the rows: whoever hears that the snapshot is complete finds it complete.
        if (status !== undefined) await mirror.write([status]);
        result.pages += 1;
        result.objects += page.objects.length;
        result.written += rows.length + (status === undefined ? 0 : 1);
        cursor = { cookie: page.cookie, query, snapshot: page.moreResults ? counts : undefined, unreachableSince: undefined };
        const stop = !page.moreResults || invocation.remainingMs() < reserveMs;
        if (stop) {
          released = true;
          await mirror.release(domain, lease.fence, cursor);
          log.info('POLL_DONE', { domain, server: source.url, ...result, continues: page.moreResults });
          return { outcome: page.moreResults ? 'continues' : 'done', ...result };
        }
        await mirror.saveCursor(domain, lease.fence, cursor);
      }
    } finally {
      await source.close().catch((error: unknown) => log.warn('CLOSE_FAILED', { domain, error: String(error) }));
    }
  } catch (error) {
    if (!released && !(error instanceof LeaseLostError)) {
      // A failure to say so must not hide why the poll failed: the lease runs out by itself.
      await giveUp(error, deps, lease.fence, cursor).catch((second: unknown) =>
        log.error('GIVE_UP_FAILED', { domain, error: String(second) }),
      );
    }
    throw error;
  }
}

function startingCursor(stored: Cursor | undefined, domain: string, log: Log): Cursor {
  if (stored === undefined) return { cookie: Buffer.alloc(0), query, snapshot: noCounts, unreachableSince: undefined };
  if (stored.query === query) return stored;
  log.warn('CURSOR_QUERY_CHANGED', { domain, remedy: 'full sync' });
  return fullSync(stored);
}

/** Everything once more. The counts of a first snapshot start over with it. */
const fullSync = (cursor: Cursor): Cursor => ({
  ...cursor,
  cookie: Buffer.alloc(0),
  query,
  snapshot: cursor.snapshot === undefined ? undefined : noCounts,
});

const noCounts: SnapshotCounts = { users: 0, groups: 0, memberships: 0 };

/** The next page, or undefined when the domain controller refused the cookie. */
async function nextPage(source: DirectorySource, cursor: Cursor, { domain, log }: DetectChangesDependencies) {
  try {
    return await source.changesSince(cursor.cookie);
  } catch (error) {
    if (!(error instanceof CookieRefusedError) || cursor.cookie.length === 0) throw error;
    log.warn('CURSOR_REFUSED', { domain, server: source.url, error: error.message, remedy: 'full sync' });
    return undefined;
  }
}

/** The rows to write for a page, or `incomplete` when the mirror lacks an object that changed. */
async function rowsOf(
  objects: readonly ChangedObject[],
  context: PageContext,
  mirror: Mirror,
): Promise<readonly MirrorRow[] | 'incomplete'> {
  if (objects.length === 0) return [];
  const existing = await mirror.read(keysOf(objects, context.domain));
  // A tombstone of what the mirror never held ends nothing; a full sync brings many of them.
  const known = new Set(existing.filter(isObjectRow).map((row) => row.guid));
  const ending = await Promise.all(
    objects
      .filter((object) => endsMemberships(object) && known.has(object.guid))
      .map((object) => membershipsOf(object.guid, context.domain, mirror)),
  );
  try {
    return applyPage(objects, [...existing, ...ending.flat()], context);
  } catch (error) {
    if (error instanceof MirrorIncompleteError) return 'incomplete';
    throw error;
  }
}

async function membershipsOf(guid: string, domain: string, mirror: Mirror): Promise<readonly MirrorRow[]> {
  const [own, others] = await Promise.all([
    mirror.readPartition(objectKey(domain, guid).pk),
    mirror.list(membersListing(domain, guid)).then((keys) => mirror.read(keys)),
  ]);
  return [...own, ...others];
}

/** The status row, when this page makes the directory reachable again or completes the first snapshot. */
async function statusRow(
  deps: DetectChangesDependencies,
  context: PageContext,
  cursor: Cursor,
  completed: SnapshotCounts | undefined,
): Promise<StatusRow | undefined> {
  if (completed === undefined && cursor.unreachableSince === undefined) return undefined;
  return nextStatus(deps.domain, await readStatus(deps), context.fence, context.detectedAt, {
    reachable: true,
    since: cursor.unreachableSince ?? context.detectedAt,
    ...(completed === undefined ? {} : { snapshotCompleted: completed }),
  });
}

async function readStatus({ domain, mirror }: DetectChangesDependencies): Promise<StatusRow | undefined> {
  return (await mirror.read([statusKey(domain)])).find(isStatusRow);
}

function nextStatus(
  domain: string,
  before: StatusRow | undefined,
  fence: number,
  detectedAt: string,
  change: Pick<StatusRow, 'reachable' | 'since' | 'reason' | 'snapshotCompleted'>,
): StatusRow {
  return {
    ...statusKey(domain),
    snapshotCompleted: before?.snapshotCompleted,
    ...change,
    domain,
    revision: (before?.revision ?? 0) + 1,
    fence,
    detectedAt,
  };
}

/** Ends a failed poll: says that the directory is unreachable, once, and gives the lease back. The cursor stays where it was saved. */
async function giveUp(error: unknown, deps: DetectChangesDependencies, fence: number, cursor: Cursor): Promise<void> {
  const { domain, mirror, log } = deps;
  if (!(error instanceof DirectoryUnreachableError)) {
    await mirror.release(domain, fence, undefined);
    return;
  }
  log.error('DIRECTORY_UNREACHABLE', { domain, reason: error.message });
  const detectedAt = deps.now().toISOString();
  const since = cursor.unreachableSince ?? detectedAt;
  // The cursor before the status: a status that says unreachable beside a cursor that does not would never be taken back.
  if (cursor.unreachableSince === undefined) await mirror.saveCursor(domain, fence, { ...cursor, unreachableSince: since });
  const status = await readStatus(deps);
  if (status === undefined || status.reachable) {
    await mirror.write([nextStatus(domain, status, fence, detectedAt, { reachable: false, since, reason: error.message })]);
  }
  await mirror.release(domain, fence, undefined);
}

const sum = (a: SnapshotCounts, b: SnapshotCounts): SnapshotCounts => ({
  users: a.users + b.users,
  groups: a.groups + b.groups,
  memberships: a.memberships + b.memberships,
});
