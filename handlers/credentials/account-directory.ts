/** The directory as a rotation needs it: binding as an account, looking at accounts and password policies, and changing passwords. */
import type { Subject } from '../events/catalogue.ts';
import type { BindRefusal } from '../platform/ldap-failure.ts';
import type { Credential } from './credential-store.ts';
import type { PasswordPolicy } from './password-policy.ts';

export type Login = Pick<Credential, 'username' | 'password'>;

/** An account, as a bound account may read it. */
export interface Account {
  readonly subject: Subject & { readonly samAccountName: string };
  readonly displayName: string | undefined;
  readonly disabled: boolean;
  readonly lockedOut: boolean;
  readonly expired: boolean;
  /** ISO 8601; undefined: it must be changed at the next log-on, or may not be read. */
  readonly passwordLastSet: string | undefined;
  readonly servicePrincipalNames: readonly string[];
  /** Distinguished names of the groups that it is in directly, its primary group included. */
  readonly groups: readonly string[];
}

/** One bound connection. `close` it. */
export interface AccountSession {
  readonly controller: string;
  /** The domain controller's own clock (rootDSE currentTime), ISO 8601. */
  now(): Promise<string>;
  /** @throws CredentialError when there is none, or it may not be read */
  account(samAccountName: string): Promise<Account>;
  /** Other objects of the domain that claim the account's user principal name or one of its service principal names. */
  namesakes(account: Account): Promise<readonly { readonly dn: string; readonly name: string }[]>;
  /** What the directory asks of the account's password: of its fine-grained policy, or else of the domain's. */
  policyOf(account: Account): Promise<PasswordPolicy>;
  /** The account's own right. @throws CredentialError with AD's reason */
  changePassword(account: Account, before: string, after: string): Promise<void>;
  /** The delegated right. @throws CredentialError with AD's reason */
  resetPassword(account: Account, after: string): Promise<void>;
  /** @throws CredentialError when the bound account may not read that object */
  reads(dn: string): Promise<void>;
  /** @throws CredentialError when the bound account may not read changes by DirSync */
  replicates(): Promise<void>;
  close(): Promise<void>;
}

export type Opened =
  | { readonly session: AccountSession; readonly refusal?: never }
  | { readonly refusal: BindRefusal; readonly session?: never };

export interface AccountDirectory {
  /** `ldaps://` URLs of every domain controller that has to know a new password. */
  readonly controllers: readonly string[];
  /** DNS name of the domain. */
  readonly domain: string;
  /**
   * Binds at the first domain controller that answers, or at that one. A refusal is an answer: no other controller is asked, which would count
   * towards a lockout on each.
   *
   * @throws ControllerUnreachableError when none answers
   */
  open(login: Login, controller?: string): Promise<Opened>;
}

/** No domain controller that was asked answers: it may pass. */
export class ControllerUnreachableError extends Error {
  override readonly name = 'ControllerUnreachableError';
}
