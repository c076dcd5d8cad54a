/** Events of the Windows Security log that tell of changes in the directory: what happened to whom, and who did it. */
import type { Actor } from '../../events/identity-event.ts';
import { type Action, actions } from './event-ids.ts';
import { type Dropped, DroppedEventError, findEvents, readEventXml } from './event-xml.ts';

/** The one that writes these events; another provider's event with the same number means something else. */
const provider = 'Microsoft-Windows-Security-Auditing';

export interface SecurityEvent {
  readonly eventId: number;
  readonly action: Action;
  /** ISO 8601 in UTC, milliseconds: the domain controller's clock. */
  readonly occurredAt: string;
  /** Counts the events of one computer's log, decimal. */
  readonly recordId: string;
  /** The computer whose log it is: a domain controller's DNS name. */
  readonly computer: string;
  /** SID of what was changed; for a membership, of the group. */
  readonly targetSid?: string;
  /** SID of who came or went. MemberName is a DN, and often only "-". */
  readonly memberSid?: string;
  /** objectGUID of what was changed, canonical lower case: the 51xx events tell no SID. */
  readonly objectGuid?: string;
  /** Who did it; absent when the event tells nobody. */
  readonly actor?: Actor;
}

/**
 * Reads the events of one CloudWatch Logs message: one or more, on one line or on many, text around them. Never throws for what a message
 * holds: what is not read is counted. The time it takes grows with the length of the message only.
 */
export function readSecurityEvents(message: string): { readonly events: readonly SecurityEvent[]; readonly dropped: Dropped } {
  const { events: texts, dropped } = findEvents(message);
  const events: SecurityEvent[] = [];
  for (const text of texts) {
    try {
      events.push(securityEvent(readEventXml(text)));
    } catch (error) {
      if (!(error instanceof DroppedEventError)) throw error;
      dropped[error.kind] += 1;
    }
  }
  return { events, dropped };
}

/** @throws DroppedEventError */
function securityEvent(fields: ReadonlyMap<string, string>): SecurityEvent {
  const eventId = Number(matching(fields.get('System/EventID'), /^\d{1,5}$/));
  const action = actions.get(eventId);
  if (action === undefined || fields.get('System/Provider@Name') !== provider) throw new DroppedEventError('other-event-id');
  const targetSid = sid(fields.get('Data/TargetSid'));
  const memberSid = sid(fields.get('Data/MemberSid'));
  const objectGuid = guid(fields.get('Data/ObjectGUID'));
  const actor = actorOfEvent(fields);
  return {
    eventId,
    action,
    occurredAt: time(fields.get('System/TimeCreated@SystemTime')),
    recordId: matching(fields.get('System/EventRecordID'), /^\d{1,20}$/),
    // Part of a sort key, which DynamoDB ends at 1,024 bytes: a character may take four.
    computer: matching(fields.get('System/Computer'), /^[^\s#\p{C}]{1,200}$/u),
    ...(targetSid === undefined ? {} : { targetSid }),
    ...(memberSid === undefined ? {} : { memberSid }),
    ...(objectGuid === undefined ? {} : { objectGuid }),
    ...(actor === undefined ? {} : { actor }),
  };
}

function matching(value: string | undefined, pattern: RegExp): string {
  if (value === undefined || !pattern.test(value)) throw new DroppedEventError('malformed');
  return value;
}

/** FILETIME resolution, seven digits (some sources pad to nine): a date of ours has three. */
function time(value: string | undefined): string {
  const [, seconds, fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(value ?? '') ?? [];
  const text = `${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const parsed = new Date(text);
  // A date that does not exist, 31 February, would have become another.
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString() !== text) throw new DroppedEventError('malformed');
  return text;
}

/** S-1-0-0 is the null SID: nobody (MS-DTYP section 2.4.2.4). Windows writes "-" or leaves the field out where there is none. */
function sid(value: string | undefined): string | undefined {
  return value !== undefined && /^S-1-\d{1,15}(?:-\d{1,10}){1,15}$/.test(value) && value !== 'S-1-0-0' ? value : undefined;
}

function guid(value: string | undefined): string | undefined {
  const [, text] = /^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$/i.exec(value ?? '') ?? [];
  return text === undefined || /^[0-]+$/.test(text) ? undefined : text.toLowerCase();
}

/** The subject of the log's words, which is our actor. */
function actorOfEvent(fields: ReadonlyMap<string, string>): Actor | undefined {
  const subject = sid(fields.get('Data/SubjectUserSid'));
  if (subject === undefined) return undefined;
  const user = accountName(fields.get('Data/SubjectUserName'));
  const domain = accountName(fields.get('Data/SubjectDomainName'));
  return { sid: subject, name: user === undefined || domain === undefined ? subject : `${domain}\\${user}` };
}

/** "-" stands for no name, and %%1793 and the like for a text of Windows' own, "<value not set>". */
function accountName(value: string | undefined): string | undefined {
  return value !== undefined && /^(?!-$|%%\d+$)[^\p{C}\\]{1,256}$/u.test(value) ? value : undefined;
}
