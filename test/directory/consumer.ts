/** A level-triggered consumer: on every event it copies what the mirror says now of those whom the event names. */
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import {
  edgeKey,
  firstValue,
  isAccount,
  isEdgeRow,
  isEnabled,
  isObjectRow,
  type MirrorRow,
  objectKey,
  type RowKey,
} from '../../handlers/directory/mirror.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import type { MemoryMirror } from './memory-mirror.ts';

/** What events tell of accounts, groups and memberships; the flags of an account are told as what they mean. */
export function viewOf(row: MirrorRow | undefined): unknown {
  if (row === undefined) return undefined;
  if (isEdgeRow(row)) return row.present;
  if (!isObjectRow(row) || !(isAccount(row) || row.type === 'group')) return undefined;
  if (row.deleted) return 'deleted';
  const untold = new Set(['userAccountControl', 'primaryGroupID', 'lockoutTime', 'accountExpires']);
  const expires = firstValue(row, 'accountExpires') ?? '0';
  return {
    dn: row.dn,
    attributes: Object.fromEntries(Object.entries(row.attributes).filter(([name]) => !untold.has(name))),
    enabled: isEnabled(row),
    // Two values mean never (MS-ADA1 section 2.1).
    expires: ['0', '9223372036854775807'].includes(expires) ? 'never' : expires,
    expired: row.expired,
  };
}

export class Consumer {
  readonly #mirror: MemoryMirror;
  readonly #line: AnyIdentityEvent[] = [];
  readonly #views = new Map<string, unknown>();
  #seen = 0;

  constructor(mirror: MemoryMirror) {
    this.#mirror = mirror;
  }

  /** Puts the events of what changed since the last time into the line. What the first snapshot brings raises none: that is copied as it is. */
  raised(): void {
    for (const { before, after } of this.#mirror.changes.slice(this.#seen)) {
      if (after.snapshot) this.#views.set(`${after.pk} ${after.sk}`, viewOf(after));
      this.#line.push(...identityEvents(before, after));
    }
    this.#seen = this.#mirror.changes.length;
  }

  /** @param places which of the line's events, counted round @param again whether they stay in the line */
  deliver(places: readonly number[], again: boolean): void {
    for (const place of places) {
      const at = place % this.#line.length;
      const event = this.#line[at];
      if (event === undefined) return;
      this.#copy(event);
      if (!again) this.#line.splice(at, 1);
    }
  }

  /** The rest, the last one first. */
  deliverAll(): void {
    for (const event of this.#line.splice(0).reverse()) this.#copy(event);
  }

  /** What it copied of a row last. */
  shows({ pk, sk }: RowKey): unknown {
    return this.#views.get(`${pk} ${sk}`);
  }

  #copy(event: AnyIdentityEvent): void {
    const { domain, subject } = event;
    const keys: RowKey[] = [objectKey(domain, subject.guid)];
    if (event.type === 'GroupMemberAdded' || event.type === 'GroupMemberRemoved') {
      keys.push(edgeKey(domain, event.change.member.guid, subject.guid));
    }
    for (const { pk, sk } of keys) {
      const row = this.#mirror.all().find((one) => one.pk === pk && one.sk === sk);
      this.#views.set(`${pk} ${sk}`, viewOf(row));
    }
  }
}
