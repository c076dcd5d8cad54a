/** Tells a story as the functions do, event by event, and keeps its records: for tests that ask the trail. */
import { type AuditRecord, auditRecord, type ChainedRecord } from '../../handlers/audit/audit-record.ts';
import { chained, chainStart } from '../../handlers/audit/chain.ts';
import { segmentKey } from '../../handlers/audit/segment.ts';
import type { ChangeOf, Grant, IdentityEventType, Subject } from '../../handlers/events/catalogue.ts';
import { type Actor, type AnyIdentityEvent, type Cause, makeEvent } from '../../handlers/events/identity-event.ts';
import { base, domain, guidOf } from '../directory/rows.ts';
import { revisions } from './audited.ts';

export const grantOf = (role: string, target: string, since: string, more: Partial<Grant> = {}): Grant => ({
  ...{ role, target, since, mapping: `${role}-mapping` },
  group: { guid: guidOf(900), dn: `CN=devs,${base}`, name: 'devs' },
  policies: ['mapped-grants'],
  ...more,
});

export class Teller {
  readonly records: AuditRecord[] = [];
  #time = Date.parse('2025-03-01T10:00:00.000Z');
  #number = 0;
  #people = 0;

  /** Time passes. */
  wait(seconds: number): string {
    this.#time += seconds * 1000;
    return this.now;
  }

  get now(): string {
    return new Date(this.#time).toISOString();
  }

  user(name: string, more: Partial<Subject> = {}): Subject {
    this.#people += 1;
    const samAccountName = name;
    return { guid: guidOf(this.#people), type: 'user', name, dn: `CN=${name},OU=People,${base}`, samAccountName, ...more };
  }

  /** A second after the last; recorded a second later. */
  event<Type extends IdentityEventType>(
    type: Type,
    subject: Subject,
    change: ChangeOf<Type>,
    { cause, actor, revision }: { cause?: AnyIdentityEvent | undefined; actor?: Actor; revision?: number } = {},
  ): AnyIdentityEvent {
    const at = this.wait(1);
    this.#number += 1;
    const event = makeEvent({
      ...{ type, domain, subject, change, at, actor, part: String(this.#number), revision: revision ?? this.#time },
      ...(cause === undefined ? {} : { cause: causeOf(cause) }),
    });
    this.records.push(auditRecord(event, new Date(this.#time + 1000).toISOString(), revisions));
    return event;
  }

  member(type: 'GroupMemberAdded' | 'GroupMemberRemoved', { guid, dn, name }: Subject, group: string, more: { actor?: Actor } = {}) {
    const subject: Subject = { guid: guidOf(900), type: 'group', name: group, dn: `CN=${group},${base}` };
    return this.event(type, subject, { member: { guid, dn, name } }, more);
  }

  decided(subject: Subject, change: Partial<ChangeOf<'AccessDecided'>>, cause?: AnyIdentityEvent) {
    return this.event(
      'AccessDecided',
      subject,
      { state: 'active', granted: [], revoked: [], holds: [], profile: {}, ...change },
      { cause },
    );
  }

  given(subject: Subject, grant: Grant, cause: AnyIdentityEvent) {
    return this.event('RoleGranted', subject, { grant, account: accountOf(subject, grant.target) }, { cause, revision: cause.revision });
  }

  taken(subject: Subject, grant: Grant, cause: AnyIdentityEvent) {
    return this.event('RoleRevoked', subject, { grant, account: accountOf(subject, grant.target) }, { cause, revision: cause.revision });
  }

  denied(subject: Subject, { role, target }: { role: string; target: string }, cause: AnyIdentityEvent) {
    return this.event('AccessDenied', subject, denialOf(role, target), { cause });
  }

  failed(subject: Subject, target: string, reason: string, cause: AnyIdentityEvent) {
    return this.event('RoleChangeFailed', subject, { target, reason, remedy: 'wait for it' }, { cause, revision: cause.revision });
  }

  /** As in the log and in segments: a line a record. */
  get lines(): readonly string[] {
    return chained('f00d', chainStart, this.records).lines;
  }

  /** Segments by their keys, of so many records each. */
  files(size = 3): Map<string, Buffer> {
    const lines = this.lines;
    const files = new Map<string, Buffer>();
    for (let from = 0; from < lines.length; from += size) {
      const part = lines.slice(from, from + size);
      const { unmapped } = JSON.parse(part[0] as string) as ChainedRecord;
      const key = segmentKey(unmapped.times.recordedAt.slice(0, 13), 'f00d', from / size + 1);
      files.set(key, Buffer.from(`${part.join('\n')}\n`));
    }
    return files;
  }
}

const causeOf = ({ id, type, occurredAt, detectedAt }: AnyIdentityEvent): Cause => ({ id, type, occurredAt, detectedAt });
const accountOf = ({ guid, name }: Subject, target: string) => ({ target, id: `account-${guid}`, userName: name });

export const denialOf = (role: string, target: string): ChangeOf<'AccessDenied'> => ({
  ...{ role, target, mapping: `${role}-mapping`, reason: 'forbidden', detail: 'forbidden by no-admins' },
  group: { guid: guidOf(900), dn: `CN=devs,${base}`, name: 'devs' },
  policies: [{ id: 'no-admins', annotations: { reason: 'administrators are named by hand' } }],
});
