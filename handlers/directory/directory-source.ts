/** The port through which change capture reads a directory, in its own words. */
import type { ObjectReference } from './object-identity.ts';

/**
 * One object in a page of changes. Only what changed is there: an attribute that is absent did not change, an empty list was cleared.
 * Values are text; `memberAdded` and `memberRemoved` name other objects of the forest.
 */
export interface ChangedObject extends ObjectReference {
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly membersAdded: readonly ObjectReference[];
  readonly membersRemoved: readonly ObjectReference[];
}

export interface ChangePage {
  readonly objects: readonly ChangedObject[];
  /** Where the next page starts. Opaque; hand it back to any domain controller of the domain. */
  readonly cookie: Buffer;
  readonly moreResults: boolean;
}

/** A connection to one domain controller, bound. */
export interface DirectorySource {
  /** URL of the domain controller that answers. */
  readonly url: string;
  /**
   * The changes since `cookie`; all objects, when it is empty.
   *
   * @throws CookieRefusedError when the domain controller does not take the cookie
   */
  changesSince(cookie: Buffer): Promise<ChangePage>;
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

/** The attributes that change capture asks for. A changed list needs a full sync: it is part of the cursor. */
export const capturedAttributes = [
  'objectGUID',
  'objectSid',
  'objectClass',
  'name',
  'sAMAccountName',
  'userPrincipalName',
  'displayName',
  'givenName',
  'sn',
  'mail',
  'userAccountControl',
  'groupType',
  'isDeleted',
  'member',
] as const;

/** The objects that change capture asks for. Tombstones lose objectCategory but keep objectClass. */
export const capturedFilter = '(&(|(objectClass=user)(objectClass=group))(!(objectClass=computer)))';
