/** From two images of a mirror row to identity events: pure. The same two images always give the same events with the same ids. */
import type { AttributeChanges, ChangeOf, IdentityEventType, Subject } from '../events/catalogue.ts';
import { type AnyIdentityEvent, eventId, makeEvent } from '../events/identity-event.ts';
import { leafName, namingContextOf, parentKey } from './distinguished-name.ts';
import {
  type EdgeRow,
  isEdgeRow,
  isEnabled,
  isObjectRow,
  isStatusRow,
  type MirrorRow,
  type ObjectRow,
  type StatusRow,
  subjectOf,
} from './mirror.ts';

/**
 * The events of one change of the directory table.
 *
 * @param before the row's image before the change; undefined for a new row
 * @param after its image now; undefined when DynamoDB forgot an expired tombstone, which is no event
 */
export function identityEvents(before: MirrorRow | undefined, after: MirrorRow | undefined): readonly AnyIdentityEvent[] {
  if (after === undefined) return [];
  if (isObjectRow(after)) return objectEvents(before as ObjectRow | undefined, after);
  if (isStatusRow(after)) return statusEvents(before as StatusRow | undefined, after);
  if (isEdgeRow(after)) return edgeEvents(before as EdgeRow | undefined, after);
  return [];
}

function objectEvents(before: ObjectRow | undefined, after: ObjectRow): readonly AnyIdentityEvent[] {
  if (after.type !== 'user' && after.type !== 'group') return [];
  if (after.snapshot) return [];
  const subject = subjectOf(after);
  const raise = <T extends IdentityEventType>(type: T, change: ChangeOf<T>) => event(after, subject, type, change);
  const user = after.type === 'user';
  if (before === undefined) {
    if (after.deleted) return [];
    return [user ? raise('UserCreated', { enabled: isEnabled(after) }) : raise('GroupCreated', {})];
  }
  if (after.deleted) return before.deleted ? [] : [raise(user ? 'UserDeleted' : 'GroupDeleted', {})];
  const events: AnyIdentityEvent[] = [];
  if (before.deleted) events.push(raise(user ? 'UserRestored' : 'GroupRestored', {}));
  const renamed = attributeChanges(before, after, namingAttributes);
  if (Object.keys(renamed).length > 0) events.push(raise(user ? 'UserRenamed' : 'GroupRenamed', renamed));
  if (!before.deleted && before.dn !== '' && after.dn !== '' && parentKey(before.dn) !== parentKey(after.dn)) {
    events.push(raise(user ? 'UserMoved' : 'GroupMoved', { before: before.dn, after: after.dn }));
  }
  if (user && isEnabled(before) !== isEnabled(after)) events.push(raise(isEnabled(after) ? 'UserEnabled' : 'UserDisabled', {}));
  const updated = attributeChanges(before, after, user ? userAttributes : groupAttributes);
  if (Object.keys(updated).length > 0) events.push(raise(user ? 'UserUpdated' : 'GroupUpdated', updated));
  return events;
}

/** What an object is called: a change of these is a rename. */
const namingAttributes = ['name', 'sAMAccountName', 'userPrincipalName'] as const;
const userAttributes = ['displayName', 'givenName', 'sn', 'mail'] as const;
const groupAttributes = ['displayName', 'mail', 'groupType'] as const;

function attributeChanges(before: ObjectRow, after: ObjectRow, names: readonly string[]): AttributeChanges {
  const changes: AttributeChanges = {};
  for (const name of names) {
    const [old, now] = [attributeText(before, name), attributeText(after, name)];
    if (JSON.stringify(old) !== JSON.stringify(now)) changes[name] = { before: old, after: now };
  }
  return changes;
}

function attributeText(row: ObjectRow, name: string): string | string[] | null {
  const values = row.attributes[name] ?? [];
  return values.length === 0 ? null : values.length === 1 ? (values[0] ?? null) : [...values];
}

function edgeEvents(before: EdgeRow | undefined, after: EdgeRow): readonly AnyIdentityEvent[] {
  if (after.snapshot || (before?.present ?? false) === after.present) return [];
  const { guid, sid, dn } = after.member;
  const member = { guid, ...(sid === undefined ? {} : { sid }), dn: dn || guid, name: dn ? leafName(dn) : guid };
  return [event(after, after.group, after.present ? 'GroupMemberAdded' : 'GroupMemberRemoved', { member }, guid)];
}

function statusEvents(before: StatusRow | undefined, after: StatusRow): readonly AnyIdentityEvent[] {
  const subject = domainSubject(after.domain);
  const events: AnyIdentityEvent[] = [];
  if (before?.snapshotCompleted === undefined && after.snapshotCompleted !== undefined) {
    events.push(event(after, subject, 'DirectorySnapshotCompleted', after.snapshotCompleted));
  }
  if ((before?.reachable ?? true) !== after.reachable) {
    events.push(
      after.reachable
        ? event(after, subject, 'DirectoryRecovered', { since: after.since })
        : event(after, subject, 'DirectoryUnreachable', { reason: after.reason ?? 'unknown', since: after.since }),
    );
  }
  return events;
}

/** The directory itself as a subject: its GUID is derived from its name, because it must be nameable while it cannot be read. */
export function domainSubject(domain: string): Subject {
  return { guid: eventId(domain, '', 0, 'DirectorySnapshotCompleted'), type: 'domain', name: domain, dn: namingContextOf(domain) };
}

function event<T extends IdentityEventType>(row: MirrorRow, subject: Subject, type: T, change: ChangeOf<T>, part = ''): AnyIdentityEvent {
  return makeEvent({ type, domain: row.domain, subject, change, revision: row.revision, at: row.detectedAt, part });
}
