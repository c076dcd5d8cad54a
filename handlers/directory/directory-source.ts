/** The port through which change capture reads a directory, in its own words. */
import type { Subject } from '../events/catalogue.ts';
import type { ObjectReference } from '../platform/object-identity.ts';

/**
 * One object in a page of changes. Only what changed is there: an attribute that is absent did not change, an empty list was cleared.
 * Values are text; links name other objects of the forest.
 */
export interface ChangedObject extends ObjectReference {
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly membersAdded: readonly ObjectReference[];
  readonly membersRemoved: readonly ObjectReference[];
  /** No tombstone came: a look-up proved it gone. @default false */
  readonly vanished?: boolean;
  /** Of a fine-grained password policy: whom it applies to from now on, and no longer. @default none */
  readonly appliesToAdded?: readonly ObjectReference[];
  readonly appliesToRemoved?: readonly ObjectReference[];
}

export interface ChangePage {
  readonly objects: readonly ChangedObject[];
  /** Where the next page starts. Opaque; hand it back to any domain controller of the domain. */
  readonly cookie: Buffer;
  readonly moreResults: boolean;
}

/** A domain controller as its rootDSE names it (MS-ADTS section 3.1.1.3.2). */
export interface ControllerState {
  /** DNS name, lower case. */
  readonly host: string;
  /** highestCommittedUSN: it grows with every write in its database, and stands still while nothing changes. */
  readonly usn: bigint;
}

/** An object as a look-up by GUID finds it: what this account may read of it. */
export interface FoundObject extends ObjectReference {
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  /** GUIDs of the groups it is a direct member of, as far as this account may read them. */
  readonly memberOf: readonly string[];
}

/** Whether a look-up by GUID finds an object. `deleted`: as a tombstone. */
export type Existence = 'living' | 'deleted' | 'none';

/** Whether a group's member list, as read now, shows a member. `unproven`: the list is empty, or we may not read it; nobody can tell. */
export type MemberState = 'there' | 'gone' | 'unproven';

/** When a lockout ends: a time, ISO 8601; `never` by itself. */
export type LockoutEnd = string | 'never';

/** A connection to one domain controller, bound. Every method throws DirectoryUnreachableError when the controller fails. */
export interface DirectorySource {
  /** URL of the domain controller that answers. */
  readonly url: string;
  /** One search. */
  controller(): Promise<ControllerState>;
  /** Identity of the controller's database: another one after it was restored from a backup (MS-ADTS section 3.1.1.1.9). */
  invocationId(): Promise<string>;
  /** Days for which the forest keeps tombstones; 60 where it does not say (MS-ADTS section 6.1.1.2.4.1.1). */
  tombstoneLifetimeDays(): Promise<number>;
  /**
   * The changes since `cookie`; all objects, when it is empty.
   *
   * @throws CookieRefusedError when the domain controller does not take the cookie
   */
  changesSince(cookie: Buffer): Promise<ChangePage>;
  /** AdminSDHolder with its security descriptor, which DirSync does not send. Undefined when this account may not read it. */
  adminSdHolder(): Promise<ChangedObject | undefined>;
  /** An object by distinguished name or `<SID=…>`; undefined when there is none. */
  find(base: string): Promise<Subject | undefined>;
  /** Everything below a container, in batches: DirSync reports a moved container, but not what is in it. */
  below(containerGuid: string): AsyncIterable<readonly ObjectReference[]>;
  /** Those of these accounts that are locked out now, and until when. */
  lockouts(guids: readonly string[]): Promise<ReadonlyMap<string, LockoutEnd>>;
  /** Those of these objects that a search finds. What is missing may be unreadable: it proves nothing. */
  lookUp(guids: readonly string[]): Promise<readonly FoundObject[]>;
  /** Those of these objects that have no value of the attribute, and of which we may know it (MS-ADTS section 3.1.1.3.1.3.1). */
  withoutValue(guids: readonly string[], attribute: string): Promise<ReadonlySet<string>>;
  existence(guid: string): Promise<Existence>;
  /** All direct members of a group, as far as this account may read them. */
  members(groupGuid: string): Promise<readonly ObjectReference[]>;
  memberState(groupGuid: string, memberGuid: string): Promise<MemberState>;
  close(): Promise<void>;
}

/** The domain controller refused the cookie: start again from an empty one (MS-ADTS section 3.1.1.3.4.1.3). */
export class CookieRefusedError extends Error {
  override readonly name = 'CookieRefusedError';
}

/** No domain controller can be read. `reason` is fit for an event and a log: it holds no secret. */
export class DirectoryUnreachableError extends Error {
  override readonly name = 'DirectoryUnreachableError';
}

/** A domain controller answered, and took neither this password nor this account. */
export class BindRefusedError extends DirectoryUnreachableError {}

/** Attributes that say what an object is, and what state it is in. Events of their own speak for them. */
export const identityAttributes = [
  'name',
  'sAMAccountName',
  'userPrincipalName',
  'userAccountControl',
  'accountExpires',
  'lockoutTime',
  'pwdLastSet',
  'primaryGroupID',
] as const;

/** Attributes told as updates, always. A directory's own list comes on top. */
export const profileAttributes = ['displayName', 'givenName', 'sn', 'mail', 'groupType'] as const;

/** Attributes that make up a policy: of the domain, of msDS-PasswordSettings, of groupPolicyContainer (MS-SAMR section 3.1.1.5, MS-GPOL). */
export const policyAttributes = [
  'minPwdLength',
  'minPwdAge',
  'maxPwdAge',
  'pwdHistoryLength',
  'pwdProperties',
  'lockoutThreshold',
  'lockoutDuration',
  'lockOutObservationWindow',
  'gPLink',
  'gPOptions',
  'versionNumber',
  'flags',
  'gPCFileSysPath',
  'gPCMachineExtensionNames',
  'gPCUserExtensionNames',
  'msDS-PasswordSettingsPrecedence',
  'msDS-PasswordReversibleEncryptionEnabled',
  'msDS-PasswordHistoryLength',
  'msDS-PasswordComplexityEnabled',
  'msDS-MinimumPasswordLength',
  'msDS-MinimumPasswordAge',
  'msDS-MaximumPasswordAge',
  'msDS-LockoutThreshold',
  'msDS-LockoutObservationWindow',
  'msDS-LockoutDuration',
] as const;

/** Name under which AdminSDHolder's row holds its security descriptor, as SDDL. */
export const securityDescriptorText = 'nTSecurityDescriptor';

/** Attributes that steer the merge or stand elsewhere in a row: no row holds them. The SID comes with the extended name. */
const steeringAttributes = ['objectGUID', 'objectClass', 'isDeleted', 'member', 'msDS-PSOAppliesTo'] as const;

/** The attributes that a row holds. */
export function mirroredAttributes(extra: readonly string[]): readonly string[] {
  const known = [...identityAttributes, ...profileAttributes, ...policyAttributes, securityDescriptorText];
  const names = new Set<string>([...known, ...steeringAttributes].map((name) => name.toLowerCase()));
  // Names are the same in any case (RFC 4512 section 2.5); asked for twice, a server may refuse the list.
  const isNew = (name: string) => !names.has(name.toLowerCase()) && names.add(name.toLowerCase());
  return [...known, ...extra.filter(isNew)];
}

/** The attributes that change capture asks for. A changed list needs a full sync: it is part of the cursor. */
export const capturedAttributes = (extra: readonly string[]): readonly string[] => [
  ...steeringAttributes,
  // AD would send the descriptor of every object: it is read where it is a policy.
  ...mirroredAttributes(extra).filter((name) => name !== securityDescriptorText),
];

/**
 * The objects that change capture asks for: accounts and groups, what a group of this domain may hold of another, what they lie in, and
 * policies. objectClass=user holds for computers and managed service accounts too, container for group policy objects. Tombstones lose
 * objectCategory but keep objectClass.
 */
export const capturedFilter = `(|${[
  'user',
  'group',
  'foreignSecurityPrincipal',
  'organizationalUnit',
  'container',
  'domainDNS',
  'msDS-PasswordSettings',
]
  .map((name) => `(objectClass=${name})`)
  .join('')})`;
