/**
 * From an identity event to its audit record, and back to what readers ask for: pure. A record is an OCSF event (https://schema.ocsf.io)
 * whose `unmapped` holds what OCSF has no place for.
 */
import { catalogue } from '../events/catalogue.ts';
import { type AnyIdentityEvent, correlationId } from '../events/identity-event.ts';
import type { JsonValue } from '../platform/canonical-json.ts';
import { beforeAfter, decidedBy } from './before-after.ts';
import { classifications, type OcsfClass, ocsfClasses, ocsfVersion, severities, statuses } from './ocsf-classes.ts';

/** What ran when a record was written. */
export interface Revisions {
  /** Of the code: SHA-256 of all functions' zips together, in hex. */
  readonly code: string;
  /** Of role mappings and policies: key of the configuration object, which holds its content's hash. */
  readonly configuration: string;
}

/** Place of a record in its writer's chain; see `chain.ts`. */
export interface ChainLink {
  readonly writer: string;
  readonly sequence: number;
  /** SHA-256 of the writer's record before, in hex. */
  readonly previous: string;
}

/** What OCSF has no place for. Times are ISO 8601. */
export interface Unmapped {
  readonly type: AnyIdentityEvent['type'];
  readonly source: string;
  readonly domain: string;
  readonly subject: AnyIdentityEvent['subject'];
  readonly change: AnyIdentityEvent['change'];
  readonly revision: number;
  readonly target?: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
  readonly decision: { readonly id?: string; readonly policies: readonly string[]; readonly mappings: readonly string[] };
  readonly cause?: AnyIdentityEvent['cause'];
  /** Of each hop: the directory's change, its detection, and the record; of the cause where it is known. */
  readonly times: {
    readonly occurredAt: string;
    readonly detectedAt: string;
    readonly recordedAt: string;
    readonly causeOccurredAt?: string;
    readonly causeDetectedAt?: string;
  };
  readonly revisions: Revisions;
}

/** A record before it has its place in a chain. Times of OCSF's own fields are epoch milliseconds (`timestamp_t`). */
export interface AuditRecord {
  readonly activity_id: number;
  readonly activity_name: string;
  readonly actor: { readonly app_name?: string; readonly user?: { readonly name: string; readonly uid: string; readonly type_id: 1 } };
  readonly category_name: 'Identity & Access Management';
  readonly category_uid: 3;
  readonly class_name: OcsfClass;
  readonly class_uid: number;
  readonly entity?: NamedObject;
  readonly group?: NamedObject;
  readonly message: string;
  readonly metadata: {
    /** Of the event that its chain began with, or its own: one id from the change of the directory to the roles at the targets. */
    readonly correlation_uid: string;
    readonly event_code: AnyIdentityEvent['type'];
    readonly log_name: string;
    readonly logged_time: number;
    readonly original_time: string;
    readonly product: { readonly name: string; readonly vendor_name: string; readonly version: string };
    /** The event's id: a repeated delivery is recognisable by it. */
    readonly uid: string;
    readonly version: string;
  };
  readonly privileges?: readonly string[];
  readonly severity: string;
  readonly severity_id: number;
  readonly status: string;
  readonly status_detail?: string;
  readonly status_id: number;
  readonly time: number;
  readonly type_name: string;
  readonly type_uid: number;
  readonly unmapped: Unmapped;
  readonly user?: NamedObject;
}

/** A record in its place of a chain. */
export type ChainedRecord = Omit<AuditRecord, 'unmapped'> & { readonly unmapped: Unmapped & { readonly chain: ChainLink } };

/** OCSF's objects user, group and managed_entity, as far as both know the field. */
export interface NamedObject {
  readonly name: string;
  readonly uid: string;
  readonly domain?: string;
  readonly type?: string;
  readonly type_id?: number;
  readonly uid_alt?: string;
}

export function auditRecord(event: AnyIdentityEvent, recordedAt: string, revisions: Revisions): AuditRecord {
  const { id, type, domain, subject, change, actor, cause, occurredAt, detectedAt } = event;
  const classified = classifications[type];
  const classUid = ocsfClasses[classified.class];
  const activity = classified.activityId === 99 ? type : classified.activity;
  const { source } = catalogue[type];
  const privileges = rolesOf(change);
  const reason = (change as { readonly reason?: string }).reason;
  const { policies, mappings } = decidedBy(event);
  const target = targetOf(change);
  return {
    activity_id: classified.activityId,
    activity_name: activity,
    actor: actor === undefined ? { app_name: source } : { user: { name: actor.name, uid: actor.sid, type_id: 1 } },
    category_name: 'Identity & Access Management',
    category_uid: 3,
    class_name: classified.class,
    class_uid: classUid,
    ...objectsOf(event, classified.class),
    message: `${type} ${subject.name}`,
    metadata: {
      correlation_uid: correlationId(event),
      event_code: type,
      log_name: 'audit',
      logged_time: Date.parse(recordedAt),
      original_time: occurredAt,
      product: { name: 'active-directory-lambda', vendor_name: 'active-directory-lambda', version: revisions.code },
      uid: id,
      version: ocsfVersion,
    },
    ...(privileges.length > 0 && classified.class !== 'Account Change' && classified.class !== 'Entity Management' ? { privileges } : {}),
    severity: classified.severity,
    severity_id: severities[classified.severity],
    status: classified.status,
    ...(classified.status === 'Failure' && reason !== undefined ? { status_detail: reason } : {}),
    status_id: statuses[classified.status],
    time: Date.parse(occurredAt),
    type_name: `${classified.class}: ${classified.activity}`,
    type_uid: classUid * 100 + classified.activityId,
    unmapped: {
      type,
      source,
      domain,
      subject,
      change,
      revision: event.revision,
      ...(target === undefined ? {} : { target }),
      ...beforeAfter(event),
      decision: { ...decisionId(event), policies, mappings },
      ...(cause === undefined ? {} : { cause }),
      times: {
        occurredAt,
        detectedAt,
        recordedAt,
        ...(cause?.occurredAt === undefined ? {} : { causeOccurredAt: cause.occurredAt }),
        ...(cause?.detectedAt === undefined ? {} : { causeDetectedAt: cause.detectedAt }),
      },
      revisions,
    },
  };
}

/** The object that a class requires; of a membership also the other one. */
function objectsOf(event: AnyIdentityEvent, of: OcsfClass): Pick<AuditRecord, 'user' | 'group' | 'entity'> {
  const { type, subject, domain } = event;
  const base = { name: subject.samAccountName ?? subject.name, uid: subject.guid, domain };
  switch (of) {
    case 'Account Change':
    case 'User Access Management':
      // type_id 99 is a user of another kind: computers, service accounts (OCSF schema, "User").
      return { user: { ...base, type: subject.type, type_id: subject.type === 'user' ? 1 : 99, ...alternative(subject.sid) } };
    case 'Group Management': {
      const group = { ...base, type: subject.type, ...alternative(subject.sid) };
      if (type !== 'GroupMemberAdded' && type !== 'GroupMemberRemoved') return { group };
      const { member } = event.change;
      return { group, user: { name: member.name, uid: member.guid, domain, type_id: 0, ...alternative(member.sid) } };
    }
    case 'Entity Management':
      return { entity: { name: subject.name, uid: subject.guid, type: subject.type, type_id: 99 } };
  }
}

/** A decision is its own; what a decision led to names it as its cause. */
function decisionId({ id, type, cause }: AnyIdentityEvent): { readonly id?: string } {
  if (type === 'AccessDecided') return { id };
  return cause?.type === 'AccessDecided' ? { id: cause.id } : {};
}

const alternative = (sid: string | undefined) => (sid === undefined ? {} : { uid_alt: sid });

/** `role at target` of each grant and assignment that the change is about. */
function rolesOf(change: AnyIdentityEvent['change']): readonly string[] {
  const loose = change as Readonly<Record<string, unknown>>;
  const named = [loose.grant, loose.granted, loose.revoked, loose.ended, loose.revoke, loose.denial, loose].flat();
  const texts = named.flatMap((one) => {
    const { role, target } = (one ?? {}) as { readonly role?: string; readonly target?: string };
    return role === undefined ? [] : [`${role} at ${target}`];
  });
  return [...new Set(texts)].sort();
}

function targetOf(change: AnyIdentityEvent['change']): string | undefined {
  const { target, account, grant } = change as Readonly<Record<string, { readonly target?: string } | undefined>> & {
    readonly target?: string;
  };
  return target ?? account?.target ?? grant?.target;
}

/** A record as people and the sandbox's story read it. Times are ISO 8601. */
export interface AuditEntry {
  readonly eventId: string;
  readonly type: AnyIdentityEvent['type'];
  readonly source: string;
  readonly domain: string;
  readonly subject: AnyIdentityEvent['subject'];
  readonly change: AnyIdentityEvent['change'];
  readonly revision: number;
  /** Who did it, where the Security log told; else the function that acted. */
  readonly actor: string;
  readonly cause?: AnyIdentityEvent['cause'];
  readonly occurredAt: string;
  readonly detectedAt: string;
  readonly recordedAt: string;
}

export function auditEntry({ metadata, actor, unmapped }: AuditRecord | ChainedRecord): AuditEntry {
  const { type, source, domain, subject, change, revision, cause, times } = unmapped;
  return {
    eventId: metadata.uid,
    type,
    source,
    domain,
    subject,
    change,
    revision,
    actor: actor.user === undefined ? (actor.app_name ?? source) : `${actor.user.name} (${actor.user.uid})`,
    ...(cause === undefined ? {} : { cause }),
    occurredAt: times.occurredAt,
    detectedAt: times.detectedAt,
    recordedAt: times.recordedAt,
  };
}
