/**
 * The event catalogue: every identity event this project raises, its schema and its type.
 *
 * An event travels as an EventBridge entry whose `source` is `active-directory.<domain of code>`, whose `detail-type` is the event's
 * type and whose `detail` is the envelope below. `modules/` takes rule patterns from here, handlers parse with it, and a new event is
 * one more entry in `catalogue`: source, schema and TypeScript type follow.
 */
import * as v from 'valibot';

/** Version of the envelope and of all `change` shapes. A consumer refuses any other version: the message is retried, then kept in its DLQ. */
export const schemaVersion = 1;

/** Object types of a directory. */
export const objectTypes = [
  'user',
  'group',
  'computer',
  'serviceAccount',
  'foreignSecurityPrincipal',
  'organizationalUnit',
  'container',
  'domain',
  'passwordSettings',
  'groupPolicy',
  'adminSDHolder',
] as const;

const text = v.pipe(v.string(), v.nonEmpty());
/** objectGUID in its canonical text form, lower case (RFC 4122 text, MS-DTYP section 2.3.4.3). */
const guid = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/));

/** An object of the directory as an event names it: the identity is `guid`, the rest is how it was called at that moment. */
export const subjectSchema = v.strictObject({
  guid,
  sid: v.optional(text),
  type: v.picklist(objectTypes),
  name: text,
  dn: text,
  samAccountName: v.optional(text),
  userPrincipalName: v.optional(text),
});

/** The other end of a membership. Its type is not known where only the extended DN of a member value was seen. */
export const memberSchema = v.strictObject({ guid, sid: v.optional(text), dn: text, name: text });

const attributeValue = v.nullable(v.union([v.string(), v.array(v.string())]));

/**
 * Attributes that hold secrets: those that AD lets nobody read (MS-ADTS section 3.1.1.4.4), and passwords that administrators may read.
 * None travels in an event.
 */
export const secretAttributes = [
  'unicodePwd',
  'userPassword',
  'dBCSPwd',
  'ntPwdHistory',
  'lmPwdHistory',
  'supplementalCredentials',
  'currentValue',
  'priorValue',
  'initialAuthIncoming',
  'initialAuthOutgoing',
  'trustAuthIncoming',
  'trustAuthOutgoing',
  'msDS-ManagedPassword',
  'ms-Mcs-AdmPwd',
  'msLAPS-Password',
  'msLAPS-EncryptedPassword',
  'msLAPS-EncryptedPasswordHistory',
  'msLAPS-EncryptedDSRMPassword',
  'msLAPS-EncryptedDSRMPasswordHistory',
  'unixUserPassword',
  'msFVE-RecoveryPassword',
  'msFVE-KeyPackage',
  'msTPM-OwnerInformation',
  'userPKCS12',
  'msPKIAccountCredentials',
  'msPKIDPAPIMasterKeys',
] as const;

const secretNames: ReadonlySet<string> = new Set(secretAttributes.map((name) => name.toLowerCase()));
const attributeName = v.pipe(
  v.string(),
  v.check((name) => !secretNames.has(name.toLowerCase()), 'an attribute that holds a secret does not travel in an event'),
);
const attributeChanges = v.record(attributeName, v.strictObject({ before: attributeValue, after: attributeValue }));
const nothing = v.strictObject({});
const dnChange = v.strictObject({ before: text, after: text });
const time = v.pipe(v.string(), v.isoTimestamp());
/** Null: never, or unknown. */
const timeChange = v.strictObject({ before: v.nullable(time), after: v.nullable(time) });
const membership = v.strictObject({ member: memberSchema });

/** A role that a principal holds, and the mapping and group that give it. */
export const grantSchema = v.strictObject({
  role: text,
  target: text,
  mapping: text,
  group: v.strictObject({ guid, dn: text, name: text }),
});

/** What the directory says of a principal's account. Only an active one holds roles. */
export const principalStates = ['active', 'disabled', 'expired', 'outOfScope', 'deleted'] as const;

/** The account of a principal at a target. `id` is the target's own id of it. */
const targetAccount = v.strictObject({ target: text, id: text, userName: text });

const directory = 'active-directory.directory';
const access = 'active-directory.access';
const roles = 'active-directory.roles';

/** What happens to an account as to a group. */
const objectChanges = {
  Renamed: attributeChanges,
  Moved: dnChange,
  Updated: attributeChanges,
  Deleted: nothing,
  Restored: nothing,
  /** It came within what the connector tells about, or left it: loss of access, but no deletion. */
  EnteredScope: nothing,
  LeftScope: nothing,
} as const;

/** What happens to an account. `Expired` and the end of a lockout are time passing: nothing is written in the directory then. */
const accountChanges = {
  Created: v.strictObject({ enabled: v.boolean() }),
  Enabled: nothing,
  Disabled: nothing,
  Expired: v.strictObject({ at: time }),
  ExpiryChanged: timeChange,
  /** `until` is null when only an administrator ends it. */
  LockedOut: v.strictObject({ until: v.nullable(time) }),
  Unlocked: nothing,
  ...objectChanges,
} as const;

const groupChanges = { Created: nothing, ...objectChanges, MemberAdded: membership, MemberRemoved: membership } as const;

/** Entries `UserCreated`, `UserEnabled`, … of one kind of object: a rule for people never fires for a computer. */
function changesOf<const Kind extends string, Changes extends Readonly<Record<string, v.GenericSchema>>>(kind: Kind, changes: Changes) {
  type Entries = { readonly [Name in keyof Changes & string as `${Kind}${Name}`]: { source: typeof directory; change: Changes[Name] } };
  return Object.fromEntries(Object.entries(changes).map(([name, change]) => [`${kind}${name}`, { source: directory, change }])) as Entries;
}

/** Which policy changed: of the domain (or the links of an organizational unit), fine-grained, a group policy object, or AdminSDHolder's ACL. */
export const policies = ['domain', 'fine-grained', 'group-policy', 'group-policy-link', 'admin-sd-holder'] as const;

/** Rows that a pass of verification found gone. */
const gone = v.strictObject({ objects: v.number(), memberships: v.number() });
/** The containers (of memberships: the groups) that lost most. */
const goneFrom = v.pipe(v.array(v.strictObject({ container: v.string(), count: v.number() })), v.readonly());

export const catalogue = {
  ...changesOf('User', accountChanges),
  ...changesOf('Computer', accountChanges),
  ...changesOf('ServiceAccount', accountChanges),
  ...changesOf('Group', groupChanges),
  /** Times of the last password change; null when it has to be changed at the next log-on. The subject tells whose. */
  PasswordChanged: { source: directory, change: timeChange },
  PolicyChanged: {
    source: directory,
    change: v.strictObject({
      policy: v.picklist(policies),
      action: v.picklist(['created', 'changed', 'deleted']),
      attributes: attributeChanges,
    }),
  },
  DirectorySnapshotCompleted: {
    source: directory,
    change: v.strictObject({
      users: v.number(),
      computers: v.number(),
      serviceAccounts: v.number(),
      groups: v.number(),
      memberships: v.number(),
    }),
  },
  DirectoryUnreachable: { source: directory, change: v.strictObject({ reason: text, since: text }) },
  DirectoryRecovered: { source: directory, change: v.strictObject({ since: text }) },
  /** A pass of verification found more gone than the guard lets through: nothing of it is done before somebody approves it. */
  DirectoryGuardTripped: {
    source: directory,
    change: v.strictObject({
      approval: text,
      gone,
      from: goneFrom,
      verified: v.number(),
      most: v.number(),
      share: v.number(),
      expiresAt: time,
    }),
  },
  DirectoryGuardReleased: {
    source: directory,
    change: v.strictObject({ approval: text, outcome: v.picklist(['approved', 'expired']) }),
  },

  AccessDecided: {
    source: access,
    change: v.strictObject({
      state: v.picklist(principalStates),
      granted: v.array(grantSchema),
      revoked: v.array(grantSchema),
      /** All that the principal holds after the decision. */
      holds: v.array(grantSchema),
      profile: attributeChanges,
    }),
  },

  RoleGranted: { source: roles, change: v.strictObject({ grant: grantSchema, account: targetAccount }) },
  RoleRevoked: { source: roles, change: v.strictObject({ grant: grantSchema, account: targetAccount }) },
  RoleChangeFailed: {
    source: roles,
    change: v.strictObject({ target: text, reason: text, remedy: text }),
  },
  RoleProvisioned: { source: roles, change: v.strictObject({ target: text, role: text, id: text }) },
  AccountProvisioned: {
    source: roles,
    change: v.strictObject({ account: targetAccount, attributes: v.record(attributeName, v.string()) }),
  },
  AccountUpdated: { source: roles, change: v.strictObject({ account: targetAccount, attributes: attributeChanges }) },
  AccountDeprovisioned: { source: roles, change: v.strictObject({ account: targetAccount }) },
} as const;

export type IdentityEventType = keyof typeof catalogue;
export type Subject = v.InferOutput<typeof subjectSchema>;
export type Member = v.InferOutput<typeof memberSchema>;
export type Grant = v.InferOutput<typeof grantSchema>;
export type AttributeValue = v.InferOutput<typeof attributeValue>;
export type AttributeChanges = v.InferOutput<typeof attributeChanges>;
export type TargetAccount = v.InferOutput<typeof targetAccount>;
export type PrincipalState = (typeof principalStates)[number];
export type ObjectType = (typeof objectTypes)[number];
export type ChangeOf<T extends IdentityEventType> = v.InferOutput<(typeof catalogue)[T]['change']>;

/** All event types of one source, for rule patterns: `eventTypes('active-directory.directory')`. */
export function eventTypes(source: EventSource): readonly IdentityEventType[] {
  return (Object.keys(catalogue) as IdentityEventType[]).filter((type) => catalogue[type].source === source);
}

export type EventSource = (typeof catalogue)[IdentityEventType]['source'];

/** Every source of the catalogue, in its order. */
export const eventSources: readonly EventSource[] = [directory, access, roles];
