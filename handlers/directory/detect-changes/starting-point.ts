/** Where a poll starts: at the saved cookie, or with a full sync because the cookie would not bring everything. */
import { createHash } from 'node:crypto';
import { noCounts } from '../apply-page.ts';
import type { CaptureSettings } from '../capture-settings.ts';
import { type ControllerState, capturedAttributes, capturedFilter } from '../directory-source.ts';
import type { Cursor, Query } from '../mirror.ts';
import { scopeAttributes } from '../scope.ts';

/** Attributes besides the standard ones: those to be told, and those that the scope's filters look at. */
export const extraAttributes = ({ attributes, scope }: CaptureSettings): readonly string[] => [...attributes, ...scopeAttributes(scope)];

/** Part of the cursor: a cookie is only good for the question it was given for. */
export function queryOf(settings: CaptureSettings): Query {
  const attributes = capturedAttributes(extraAttributes(settings));
  const digest = createHash('sha256')
    .update(JSON.stringify([capturedFilter, attributes, settings.mode, settings.scope]))
    .digest('hex')
    .slice(0, 16);
  return { digest, attributes };
}

/** Before the first page. */
export const emptyCursor = (query: Query): Cursor => ({
  cookie: Buffer.alloc(0),
  query,
  more: true,
  snapshot: noCounts,
  fullSync: undefined,
  unreachableSince: undefined,
  polledAt: undefined,
  controllers: {},
  tombstoneDays: undefined,
  verification: undefined,
  verifiedAt: undefined,
  heldBack: undefined,
});

/** Everything once more. The counts of a first snapshot start over with it; after it, what is gone has to be looked up. */
export function fullSync(cursor: Cursor, query: Query, run: string): Cursor {
  const known = new Set(cursor.query.attributes);
  return {
    ...cursor,
    cookie: Buffer.alloc(0),
    query,
    more: true,
    snapshot: cursor.snapshot && noCounts,
    fullSync: {
      run,
      learning: cursor.snapshot ? [] : [...(cursor.fullSync?.learning ?? []), ...query.attributes.filter((name) => !known.has(name))],
    },
    verification: undefined,
  };
}

/** Why the saved cookie would not bring everything. */
export type FullSyncReason =
  | 'cursor-lost'
  | 'query-changed'
  | 'cookie-too-old'
  | 'controller-rolled-back'
  | 'controller-restored'
  | 'scope-known';

/** Tombstone lifetime assumed until the forest has told its own: the shortest default, 60 days. */
const shortestTombstoneDays = 60;
const dayMs = 24 * 3600 * 1000;

/** What the cursor alone tells. A day of margin: garbage collection runs twice a day (MS-ADTS section 3.1.1.5.5.7). */
export function staleness(cursor: Cursor, query: Query, now: Date): FullSyncReason | undefined {
  if (cursor.query.digest !== query.digest) return 'query-changed';
  // What a full sync noted is forgotten after a week; without it what we may not look up would pass for gone (invariant 3).
  const run = cursor.verification?.run;
  if (run !== undefined && now.getTime() - Date.parse(run) > 6 * dayMs) return 'cookie-too-old';
  // The cookies of a full sync that takes several polls are as old as the sync.
  const since = cursor.fullSync?.run ?? cursor.polledAt;
  if (cursor.cookie.length === 0 || since === undefined) return undefined;
  const days = (cursor.tombstoneDays ?? shortestTombstoneDays) - 1;
  return now.getTime() - Date.parse(since) > days * dayMs ? 'cookie-too-old' : undefined;
}

/**
 * Whether nothing was written on this controller since we read all of it: then there is nothing to ask for. With another's cookie there is:
 * that one may have lacked what this one had told, and it was read again since.
 */
export function isQuiet(cursor: Cursor, { host, usn }: ControllerState): boolean {
  const own = cursor.givenBy === undefined || cursor.givenBy.host === host;
  return own && cursor.cookie.length > 0 && !cursor.more && cursor.controllers[host]?.usn === usn.toString();
}

/**
 * What the controller's database tells. One that was rolled back answers a newer cookie with silence, until its USN has passed the
 * cookie's; one that was restored from a backup has another invocationId, and does not send what the backup reverted.
 */
export function databaseChange(cursor: Cursor, { host, usn }: ControllerState, invocationId: string): FullSyncReason | undefined {
  const known = cursor.controllers[host];
  if (known === undefined || cursor.cookie.length === 0) return undefined;
  if (known.invocationId !== invocationId) return 'controller-restored';
  return usn < BigInt(known.usn) ? 'controller-rolled-back' : undefined;
}

/** Controllers that a cursor remembers: enough for any list of URLs, bounded against names that come and go. */
const mostControllers = 32;

export function remember(cursor: Cursor, { host, usn }: ControllerState, invocationId: string): Cursor {
  const others = Object.entries(cursor.controllers).filter(([name]) => name !== host);
  return {
    ...cursor,
    controllers: Object.fromEntries([...others.slice(-(mostControllers - 1)), [host, { invocationId, usn: usn.toString() }]]),
  };
}
