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
  /** No object of the directory: a target of role sync, where an event is about none of its principals. */
  'target',
  /** No object of the directory either: a credential whose account is not known, or not there. */
  'credential',
  /** A role mapping, a file of policies, or the settings beside them. */
  'configuration',
  /** Nor is this: a report about access. */
  'report',
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

/** Access to one AWS account, which a role brings at IAM Identity Center: names of the account (12 digits) and the permission set. */
export const assignmentSchema = v.strictObject({ account: text, permissionSet: text });

/** A group on the way from a principal to the role. */
const groupOnTheWay = v.strictObject({ guid, dn: text, name: text });

/** A role that a principal holds, and the mapping and group that give it. */
export const grantSchema = v.strictObject({
  role: text,
  target: text,
  mapping: text,
  /** The group that the mapping selects. */
  group: groupOnTheWay,
  /** From the group that the principal is a direct member of, to the last one before `group`; left out where it is a direct member of `group`. */
  path: v.optional(v.array(groupOnTheWay)),
  assignments: v.optional(v.array(assignmentSchema)),
  /** Ids of the policies that permit it. */
  policies: v.array(text),
  /** When it was first decided, ISO 8601. */
  since: v.pipe(v.string(), v.isoTimestamp()),
  /** Policies that forbid it, where such a grant is only reported. */
  violates: v.optional(v.array(text)),
});

/** A policy that decided, with its annotations. */
const decidingPolicy = v.strictObject({ id: text, annotations: v.record(v.string(), v.string()) });

/**
 * Why a mapping that selects a principal's group gives no role: a policy forbids it, none permits it, one could not be evaluated, or the
 * captured names are none of the target's (`role`: no valid name; `account`, `permissionSet`: not ours).
 */
export const denialReasons = ['forbidden', 'not-permitted', 'policy-error', 'role', 'account', 'permission-set'] as const;

export const denialSchema = v.strictObject({
  role: text,
  target: text,
  mapping: text,
  group: groupOnTheWay,
  reason: v.picklist(denialReasons),
  /** What is wrong, for a person. */
  detail: v.string(),
  policies: v.array(decidingPolicy),
});

/** What the directory says of a principal's account. Only an active one holds roles. */
export const principalStates = ['active', 'disabled', 'expired', 'outOfScope', 'deleted'] as const;

/** Parts of what decides access: a role mapping, a file of Cedar policies, or the settings beside them. */
export const configurationKinds = ['mapping', 'policy', 'settings'] as const;

/** The account of a principal at a target. `id` is the target's own id of it. */
const targetAccount = v.strictObject({ target: text, id: text, userName: text });

/** What a guard limits: memberships and assignments that end, or accounts that lose all access or are deleted. */
export const guardCounts = ['revocations', 'accounts'] as const;
/** One run of one function, or a rolling time. */
export const guardWindows = ['run', 'hour', 'day'] as const;

/** Which limit of a guard tripped, and by how much. */
export const exceededLimitSchema = v.strictObject({
  window: v.picklist(guardWindows),
  counted: v.picklist(guardCounts),
  count: v.number(),
  most: v.number(),
  share: v.number(),
  held: v.number(),
});

export const deprovisioningSteps = [
  'memberships-ended',
  'sessions-cut',
  'account-deactivated',
  'account-deleted',
  'absence-verified',
] as const;

/** How a target may differ from what it should hold. `missing`: removed behind our back; `extra`: added; `unhealable` ones are told to a person. */
export const driftKinds = [
  'membership-missing',
  'membership-extra',
  'account-missing',
  'account-changed',
  'account-inactive',
  'account-active',
  'account-orphaned',
  'account-duplicated',
  'account-unmarked',
  'role-missing',
  'role-renamed',
  'role-duplicated',
  'role-unused',
  'assignment-missing',
  'assignment-extra',
] as const;

const directory = 'active-directory.directory';
const access = 'active-directory.access';
const roles = 'active-directory.roles';
const approval = 'active-directory.approval';
const credentials = 'active-directory.credentials';

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

/** How a credential's password is changed: by the account itself, by a delegated account, or by taking turns with a second account. */
export const rotationStrategies = ['single', 'reset', 'alternating'] as const;
/** The steps of a rotation, by the names that Secrets Manager gives them, and the regular check between two rotations. */
export const rotationSteps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret', 'check'] as const;
/** What a rotation was made for. `healed`: the password at the directory was not the stored one; `resumed`: an interrupted one was ended. */
export const rotationReasons = ['scheduled', 'requested', 'healed', 'resumed'] as const;

/** What is rotated: its name in the environment, and where its value is kept (an ARN, or the URL of a vault's path). Never the value. */
const rotatedCredential = { credential: text, kept: text, strategy: v.picklist(rotationStrategies) } as const;

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
      /** By `<target>.<attribute>`. */
      profile: attributeChanges,
    }),
  },
  /** A role that a mapping would give is not granted. Raised when that becomes so. */
  AccessDenied: { source: access, change: denialSchema },
  /** What a principal holds is forbidden by now. `revoked`: it ends with this decision; `reported`: it stays, as configured. */
  AccessViolationFound: {
    source: access,
    change: v.strictObject({ grant: grantSchema, denial: denialSchema, outcome: v.picklist(['revoked', 'reported']) }),
  },
  /** A deployment changed what decides. `before` and `after` are the part's text (JSON or Cedar), `configuration` the keys of the whole. */
  AccessConfigurationChanged: {
    source: access,
    change: v.strictObject({
      kind: v.picklist(configurationKinds),
      name: text,
      action: v.picklist(['added', 'changed', 'removed']),
      before: v.nullable(v.string()),
      after: v.nullable(v.string()),
      configuration: v.strictObject({ before: v.nullable(text), after: text }),
    }),
  },

  RoleGranted: { source: roles, change: v.strictObject({ grant: grantSchema, account: targetAccount }) },
  RoleRevoked: { source: roles, change: v.strictObject({ grant: grantSchema, account: targetAccount }) },
  RoleChangeFailed: {
    source: roles,
    change: v.strictObject({ target: text, reason: text, remedy: text }),
  },
  RoleProvisioned: { source: roles, change: v.strictObject({ target: text, role: text, id: text }) },
  RoleAssigned: { source: roles, change: v.strictObject({ target: text, role: text, id: text, assignment: assignmentSchema }) },
  RoleUnassigned: { source: roles, change: v.strictObject({ target: text, role: text, id: text, assignment: assignmentSchema }) },
  AccountProvisioned: {
    source: roles,
    change: v.strictObject({ account: targetAccount, attributes: v.record(attributeName, v.string()) }),
  },
  AccountUpdated: { source: roles, change: v.strictObject({ account: targetAccount, attributes: attributeChanges }) },
  AccountDeactivated: { source: roles, change: v.strictObject({ account: targetAccount }) },
  AccountReactivated: { source: roles, change: v.strictObject({ account: targetAccount }) },
  AccountDeprovisioned: { source: roles, change: v.strictObject({ account: targetAccount }) },
  /** Evidence that a principal has no access left at a target: what was done when, in order, and read back. */
  AccessEnded: {
    source: roles,
    change: v.strictObject({
      account: targetAccount,
      state: v.picklist(principalStates),
      ended: v.array(grantSchema),
      steps: v.array(v.strictObject({ step: v.picklist(deprovisioningSteps), at: time })),
    }),
  },

  /** Revocations that a guard holds back; nothing of them is done before somebody approves. */
  RevocationStaged: {
    source: roles,
    change: v.strictObject({
      target: text,
      guard: text,
      revoke: v.array(grantSchema),
      account: v.optional(targetAccount),
      end: v.boolean(),
    }),
  },
  GuardTripped: {
    source: roles,
    change: v.strictObject({
      target: text,
      guard: text,
      limit: exceededLimitSchema,
      /** What is staged when it trips, at most 100 of them. */
      staged: v.array(v.strictObject({ name: text, revoke: v.array(text), end: v.boolean() })),
      expiresAt: time,
    }),
  },
  /** `by` is the approver's ARN. */
  GuardReleased: {
    source: roles,
    change: v.strictObject({
      target: text,
      guard: text,
      outcome: v.picklist(['approved', 'rejected', 'expired']),
      by: v.optional(text),
      staged: v.number(),
    }),
  },
  DriftFound: {
    source: roles,
    change: v.strictObject({ target: text, run: text, kind: v.picklist(driftKinds), detail: text, heal: v.boolean() }),
  },
  DriftHealed: { source: roles, change: v.strictObject({ target: text, run: text, kind: v.picklist(driftKinds), detail: text }) },

  /** A report says who holds what; see `handlers/roles/access-review.ts`. */
  AccessReviewed: {
    source: roles,
    change: v.strictObject({
      /** Key of the report's files, without their endings. */
      report: text,
      /** Of its canonical JSON, in hex. */
      sha256: text,
      counts: v.record(text, v.number()),
    }),
  },

  CredentialRotated: {
    source: credentials,
    change: v.strictObject({
      ...rotatedCredential,
      reason: v.picklist(rotationReasons),
      /** The directory's own time of the change. */
      passwordLastSet: time,
      /** Domain controllers that took the new password, and those that did not answer. */
      tested: v.array(text),
      unreachable: v.array(text),
      /** Alternating accounts: groups that only one of the two is in, `+name` of the one that is current now, `-name` of the other. */
      differences: v.array(text),
    }),
  },
  /** The credential that consumers read is as it was, but for what `reason` says. */
  CredentialRotationFailed: {
    source: credentials,
    change: v.strictObject({ ...rotatedCredential, step: v.picklist(rotationSteps), reason: text, remedy: text }),
  },

  /** A person's word on what a guard staged, signed with the environment's approval key (see `handlers/roles/guard-decision.ts`). */
  GuardDecided: {
    source: approval,
    change: v.strictObject({
      target: text,
      guard: text,
      outcome: v.picklist(['approved', 'rejected']),
      by: text,
      /** How many removals its author saw, and their digest: nothing else is let through. */
      staged: v.number(),
      digest: text,
      /** DER (RFC 3279 section 2.2.3), in base64. */
      signature: text,
    }),
  },
  /** A person's word that they have reviewed a report, signed with the same key (see `handlers/roles/sign-off.ts`). */
  AccessReviewSignedOff: {
    source: approval,
    change: v.strictObject({
      report: text,
      sha256: text,
      counts: v.record(text, v.number()),
      /** Who reviewed it, as they say; `signer` is the ARN that signed. */
      by: text,
      signer: text,
      note: v.optional(text),
      signature: text,
    }),
  },
} as const;

export type IdentityEventType = keyof typeof catalogue;
export type Subject = v.InferOutput<typeof subjectSchema>;
export type Member = v.InferOutput<typeof memberSchema>;
export type Grant = v.InferOutput<typeof grantSchema>;
export type Assignment = v.InferOutput<typeof assignmentSchema>;
export type Denial = v.InferOutput<typeof denialSchema>;
export type RotationStrategy = (typeof rotationStrategies)[number];
export type RotationStep = (typeof rotationSteps)[number];
export type RotationReason = (typeof rotationReasons)[number];
export type DriftKind = (typeof driftKinds)[number];
export type DeprovisioningStep = (typeof deprovisioningSteps)[number];
export type GuardCount = (typeof guardCounts)[number];
export type GuardWindow = (typeof guardWindows)[number];
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
export const eventSources: readonly EventSource[] = [directory, access, roles, approval, credentials];
