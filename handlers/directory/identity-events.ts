/** From two images of a mirror row to identity events: pure. The same two images always give the same events with the same ids. */
import { createHash } from 'node:crypto';
import {
  type AttributeChanges,
  type ChangeOf,
  type IdentityEventType,
  type policies,
  type Subject,
  secretAttributes,
} from '../events/catalogue.ts';
import { type AnyIdentityEvent, eventId, makeEvent } from '../events/identity-event.ts';
import { accountExpiry, fileTime, isoText } from '../platform/file-time.ts';
import { identityAttributes, policyAttributes, securityDescriptorText } from './directory-source.ts';
import { leafName, namingContextOf, parentKey } from './distinguished-name.ts';
import {
  type EdgeRow,
  firstValue,
  isAccount,
  isEdgeRow,
  isEnabled,
  isObjectRow,
  isStatusRow,
  type MirrorRow,
  type ObjectRow,
  type StatusRow,
  subjectOf,
} from './mirror.ts';
import { type Action, actorOf } from './security-log/actor-hints.ts';

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
  if (after.snapshot) return [];
  if (isAccount(after)) return accountEvents(before, after);
  if (after.type === 'group') return groupEvents(before, after);
  return policyEvents(before, after);
}

/** How events of one kind of account are named: `UserDisabled`, `ComputerDisabled`, `ServiceAccountDisabled`. */
const accountKinds = { user: 'User', computer: 'Computer', serviceAccount: 'ServiceAccount' } as const;

function accountEvents(before: ObjectRow | undefined, after: ObjectRow): readonly AnyIdentityEvent[] {
  const kind = accountKinds[after.type as keyof typeof accountKinds];
  const raised = new Raised(after);
  const created = { enabled: isEnabled(after) };
  const crossing = existence(before, after);
  if (crossing === 'created') raised.tell(`${kind}Created`, created, ['created']);
  if (crossing === 'deleted') raised.tell(`${kind}Deleted`, {}, ['deleted']);
  if (crossing === 'entered') raised.tell(`${kind}EnteredScope`, {}, ['moved', 'modified']);
  if (crossing === 'left') raised.tell(`${kind}LeftScope`, {}, ['moved', 'modified']);
  if (crossing === 'restored') raised.tell(`${kind}Restored`, {}, ['restored', 'modified']);
  if (before === undefined || !(crossing === 'stayed' || crossing === 'restored')) return raised.events;

  const renamed = attributeChanges(before, after, namingAttributes);
  if (Object.keys(renamed).length > 0) raised.tell(`${kind}Renamed`, renamed, ['renamed', 'changed', 'modified']);
  const moved = move(before, after);
  if (moved !== undefined) raised.tell(`${kind}Moved`, moved, ['moved', 'modified']);
  if (isEnabled(before) !== isEnabled(after)) {
    if (isEnabled(after)) raised.tell(`${kind}Enabled`, {}, ['enabled', 'changed', 'modified']);
    else raised.tell(`${kind}Disabled`, {}, ['disabled', 'changed', 'modified']);
  }
  const [expiry, expiryBefore] = [isoTime(accountExpiry, after, 'accountExpires'), isoTime(accountExpiry, before, 'accountExpires')];
  if (expiry !== expiryBefore) raised.tell(`${kind}ExpiryChanged`, { before: expiryBefore, after: expiry }, ['changed', 'modified']);
  if (after.expired && !before.expired && expiry !== null) raised.tell(`${kind}Expired`, { at: expiry }, [], expiry);
  if (after.lockedOut !== undefined && before.lockedOut === undefined) {
    const until = after.lockedOut === 'never' ? null : after.lockedOut;
    raised.tell(`${kind}LockedOut`, { until }, ['locked-out'], isoTime(fileTime, after, 'lockoutTime'));
  }
  if (after.lockedOut === undefined && before.lockedOut !== undefined) raised.tell(`${kind}Unlocked`, {}, ['unlocked', 'modified']);
  const [password, passwordBefore] = [passwordTime(after), passwordTime(before)];
  if (password !== passwordBefore) {
    raised.tell(
      'PasswordChanged',
      { before: passwordBefore, after: password },
      ['password-changed', 'password-reset', 'modified'],
      password,
    );
  }
  const flags = otherFlags(before) === otherFlags(after) ? [] : ['userAccountControl'];
  const updated = attributeChanges(before, after, [...toldNames(before, after), ...flags]);
  if (Object.keys(updated).length > 0) raised.tell(`${kind}Updated`, updated, ['changed', 'modified']);
  return raised.events;
}

function groupEvents(before: ObjectRow | undefined, after: ObjectRow): readonly AnyIdentityEvent[] {
  const raised = new Raised(after);
  const crossing = existence(before, after);
  if (crossing === 'created') raised.tell('GroupCreated', {}, ['created']);
  if (crossing === 'deleted') raised.tell('GroupDeleted', {}, ['deleted']);
  if (crossing === 'entered') raised.tell('GroupEnteredScope', {}, ['moved', 'modified']);
  if (crossing === 'left') raised.tell('GroupLeftScope', {}, ['moved', 'modified']);
  if (crossing === 'restored') raised.tell('GroupRestored', {}, ['restored', 'modified']);
  if (before === undefined || !(crossing === 'stayed' || crossing === 'restored')) return raised.events;
  const renamed = attributeChanges(before, after, namingAttributes);
  if (Object.keys(renamed).length > 0) raised.tell('GroupRenamed', renamed, ['renamed', 'changed', 'modified']);
  const moved = move(before, after);
  if (moved !== undefined) raised.tell('GroupMoved', moved, ['moved', 'modified']);
  const updated = attributeChanges(before, after, toldNames(before, after));
  if (Object.keys(updated).length > 0) raised.tell('GroupUpdated', updated, ['changed', 'modified']);
  return raised.events;
}

/** What a change means to those for whom there is only what exists within the scope. */
function existence(before: ObjectRow | undefined, after: ObjectRow) {
  const was = before !== undefined && !before.deleted;
  if (after.deleted) return was && !before.outOfScope ? 'deleted' : 'unseen';
  if (after.outOfScope) return was && !before.outOfScope ? 'left' : 'unseen';
  if (before === undefined) return 'created';
  if (before.deleted) return 'restored';
  return before.outOfScope ? 'entered' : 'stayed';
}

function move(before: ObjectRow, after: ObjectRow): ChangeOf<'UserMoved'> | undefined {
  if (before.deleted || before.dn === '' || after.dn === '' || parentKey(before.dn) === parentKey(after.dn)) return undefined;
  return { before: before.dn, after: after.dn };
}

/** userAccountControl without ADS_UF_ACCOUNTDISABLE, of which events of their own speak: whether a password expires, a smart card is required … */
const otherFlags = (row: ObjectRow): number => Number(firstValue(row, 'userAccountControl') ?? 0) & ~0x2;

type Policy = (typeof policies)[number];

const policyOf: Readonly<Partial<Record<ObjectRow['type'], Policy>>> = {
  domain: 'domain',
  passwordSettings: 'fine-grained',
  groupPolicy: 'group-policy',
  organizationalUnit: 'group-policy-link',
  adminSDHolder: 'admin-sd-holder',
};

function policyEvents(before: ObjectRow | undefined, after: ObjectRow): readonly AnyIdentityEvent[] {
  const policy = policyOf[after.type];
  if (policy === undefined) return [];
  const raised = new Raised(after);
  const gone = before === undefined || before.deleted;
  // Units come and go without a policy; the domain and AdminSDHolder are always there, so their first image is no creation.
  const lasting = policy === 'group-policy-link' || policy === 'domain' || policy === 'admin-sd-holder';
  if (gone && after.deleted) return [];
  const action = lasting ? 'changed' : gone ? 'created' : after.deleted ? 'deleted' : 'changed';
  // Its row begins as a container: the first descriptor that is read is no change either.
  if (before?.type !== after.type && policy !== 'group-policy-link' && lasting) return [];
  const [old, now] = [policyImage(gone ? undefined : before), policyImage(after.deleted ? undefined : after)];
  const attributes = changesBetween(old, now, [...new Set([...Object.keys(old), ...Object.keys(now)])].sort());
  if (Object.keys(attributes).length === 0 && action === 'changed') return [];
  raised.tell('PolicyChanged', { policy, action, attributes }, ['modified', 'created', 'deleted', 'changed']);
  return raised.events;
}

/** The attributes that make up a policy, and what stands for them elsewhere in its row. */
function policyImage(row: ObjectRow | undefined): Record<string, readonly string[]> {
  if (row === undefined) return {};
  const names =
    row.type === 'passwordSettings' || row.type === 'groupPolicy' ? [...policyAttributes, 'name', 'displayName'] : policyAttributes;
  return {
    ...Object.fromEntries(
      [...names, securityDescriptorText].flatMap((name) => (row.attributes[name] ? [[name, row.attributes[name]]] : [])),
    ),
    ...(row.appliesTo ? { 'msDS-PSOAppliesTo': row.appliesTo } : {}),
  };
}

/** What an object is called: a change of these is a rename. */
const namingAttributes = ['name', 'sAMAccountName', 'userPrincipalName'] as const;

/** Attributes that an update does not tell: events of their own speak for them, or they are no attribute of accounts and groups. */
const notUpdates: ReadonlySet<string> = new Set<string>([...identityAttributes, ...policyAttributes]);
/** Whatever a row holds: no secret travels in an event (invariant 10). */
const secrets: ReadonlySet<string> = new Set(secretAttributes.map((name) => name.toLowerCase()));

/** The attributes that an update may tell: those of the profile, and what the directory's own list adds. */
function toldNames(before: ObjectRow, after: ObjectRow): readonly string[] {
  const names = new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)]);
  return [...names].filter((name) => !notUpdates.has(name) && !secrets.has(name.toLowerCase()) && !after.learned?.includes(name)).sort();
}

const attributeChanges = (before: ObjectRow, after: ObjectRow, names: readonly string[]): AttributeChanges =>
  changesBetween(before.attributes, after.attributes, names);

type Attributes = Readonly<Record<string, readonly string[]>>;

function changesBetween(before: Attributes, after: Attributes, names: readonly string[]): AttributeChanges {
  const changed = names.filter((name) => JSON.stringify(before[name] ?? []) !== JSON.stringify(after[name] ?? []));
  const most = Math.floor(eventBytes / (2 * changed.length));
  return Object.fromEntries(changed.map((name) => [name, { before: told(before[name], most), after: told(after[name], most) }]));
}

/** Bytes of all values in one event, as JSON: EventBridge ends one at 256 KB (PutEvents), and the envelope needs some of it. */
const eventBytes = 200_000;

/** One value as itself, several as a list; what does not fit is left out, and said so. */
function told(values: readonly string[] = [], most: number): string | string[] | null {
  const fitting: string[] = [];
  let bytes = 0;
  for (const value of values) {
    const size = jsonBytes(value) + 1;
    if (bytes + size <= most) fitting.push(value);
    else {
      // The beginning of it, with room for what says so: a character takes twelve bytes of JSON at most, as an escaped pair.
      const beginning = value.slice(0, Math.max(0, Math.floor((most - bytes - 120) / 12)));
      const digest = createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 16);
      const left = values.length - fitting.length;
      fitting.push(`${beginning}… (${left} of ${values.length} values do not fit an event, sha256 of all ${digest})`);
      break;
    }
    bytes += size;
  }
  return fitting.length === 0 ? null : fitting.length === 1 ? (fitting[0] ?? null) : fitting;
}

const jsonBytes = (value: string): number => Buffer.byteLength(JSON.stringify(value));

function isoTime(read: (text: string | undefined) => Date | undefined, row: ObjectRow, attribute: string): string | null {
  const moment = read(firstValue(row, attribute));
  return moment === undefined ? null : isoText(moment);
}

/** pwdLastSet 0: to be changed at the next log-on (MS-ADA3 section 2.175). */
const passwordTime = (row: ObjectRow): string | null =>
  firstValue(row, 'pwdLastSet') === '0' ? null : isoTime(fileTime, row, 'pwdLastSet');

function edgeEvents(before: EdgeRow | undefined, after: EdgeRow): readonly AnyIdentityEvent[] {
  if (after.snapshot || after.untold || (before?.present ?? false) === after.present) return [];
  const { guid, sid, dn } = after.member;
  const member = { guid, ...(sid === undefined ? {} : { sid }), dn: dn || guid, name: dn ? leafName(dn) : guid };
  const type = after.present ? 'GroupMemberAdded' : 'GroupMemberRemoved';
  const actor = actorOf(after.hints ?? [], {
    actions: [after.present ? 'member-added' : 'member-removed'],
    ...(sid ? { member: sid } : {}),
  });
  return [
    makeEvent({
      type,
      domain: after.domain,
      subject: after.group,
      change: { member },
      revision: after.revision,
      at: after.detectedAt,
      part: guid,
      actor,
    }),
  ];
}

function statusEvents(before: StatusRow | undefined, after: StatusRow): readonly AnyIdentityEvent[] {
  const raised = new Raised(after, domainSubject(after.domain));
  if (before?.snapshotCompleted === undefined && after.snapshotCompleted !== undefined) {
    raised.tell('DirectorySnapshotCompleted', after.snapshotCompleted);
  }
  if ((before?.reachable ?? true) !== after.reachable) {
    if (after.reachable) raised.tell('DirectoryRecovered', { since: after.since });
    else raised.tell('DirectoryUnreachable', { reason: after.reason ?? 'unknown', since: after.since });
  }
  const { guard } = after;
  if (guard !== undefined && (before?.guard?.approval !== guard.approval || before.guard.state !== guard.state)) {
    const { approval, state, gone, from, verified, most, share, expiresAt } = guard;
    if (state === 'tripped') raised.tell('DirectoryGuardTripped', { approval, gone, from, verified, most, share, expiresAt });
    else raised.tell('DirectoryGuardReleased', { approval, outcome: state });
  }
  return raised.events;
}

/** The directory itself as a subject: its GUID is derived from its name, because it must be nameable while it cannot be read. */
export function domainSubject(domain: string): Subject {
  return { guid: eventId(domain, '', 0, 'DirectorySnapshotCompleted'), type: 'domain', name: domain, dn: namingContextOf(domain) };
}

/** The events of one row, in the order in which they are told. */
class Raised {
  readonly events: AnyIdentityEvent[] = [];
  readonly #row: MirrorRow;
  readonly #subject: Subject;

  constructor(row: ObjectRow | StatusRow, subject: Subject = subjectOf(row as ObjectRow)) {
    this.#row = row;
    this.#subject = subject;
  }

  /** @param actions what the Security log calls such a change, the most fitting first; none when nobody did it */
  tell<T extends IdentityEventType>(type: T, change: ChangeOf<T>, actions: readonly Action[] = [], occurredAt: string | null = null): void {
    const { domain, revision, detectedAt, hints = [] } = this.#row;
    // A clock ahead of ours must not date a change after its detection.
    const known = occurredAt !== null && occurredAt <= detectedAt ? { occurredAt } : {};
    const actor = actions.length === 0 ? undefined : actorOf(hints, { actions });
    this.events.push(makeEvent({ type, domain, subject: this.#subject, change, revision, at: detectedAt, actor, ...known }));
  }
}
