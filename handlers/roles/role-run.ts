/**
 * One run for one principal at a target: its steps, what they did, and what the ledger will say of it.
 *
 * Whatever is about to change is noted in the ledger first. A run that dies at any point leaves a note, and the next one, which may want
 * the opposite, finds what was really done.
 */
import { isDeepStrictEqual } from 'node:util';
import { grantKey, type PrincipalGrants, type Profile, profileChanges } from '../access/grants.ts';
import type { ChangeOf, Grant, IdentityEventType, TargetAccount } from '../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, eventId, makeEvent } from '../events/identity-event.ts';
import { type AccountEntry, accountPk, type Membership } from './ledger.ts';
import type { Plan } from './plan.ts';
import { join, joinedMeanwhile, type KnownRole, type RoleGroupDependencies } from './role-groups.ts';
import { type AccountState, type Mark, TargetConflictError, TargetMissingError } from './target.ts';

export class RoleRun {
  /** What was done, in order. */
  readonly events: AnyIdentityEvent[] = [];
  /** Roles whose RoleProvisioned is among the events. */
  readonly untoldRoles: KnownRole[] = [];
  readonly #deps: RoleGroupDependencies;
  readonly #desired: PrincipalGrants;
  readonly #cause: Cause;
  readonly #mark: Mark;
  #entry: AccountEntry;
  #account: AccountState | undefined;
  /** An account that an interrupted run deleted without telling. */
  #deleted: AccountState | undefined;
  #updating: readonly Profile[] | undefined;
  #memberships: Record<string, Membership>;
  /** Keys of memberships that ended. Notes keep them, until the run's own entry is written: that comes after their events. */
  readonly #ended = new Set<string>();

  constructor(deps: RoleGroupDependencies, desired: PrincipalGrants, made: AccountEntry | undefined, cause: Cause) {
    this.#deps = deps;
    this.#desired = desired;
    this.#cause = cause;
    this.#mark = { domain: desired.domain, guid: desired.subject.guid };
    this.#entry = made ?? {
      pk: accountPk(deps.target.name, desired.domain, desired.subject.guid),
      version: 0,
      revision: 0,
      memberships: {},
    };
    this.#account = made?.account;
    this.#deleted = made?.deleting?.id === made?.account?.id ? undefined : made?.deleting;
    this.#updating = made?.updating;
    this.#memberships = { ...made?.memberships };
    if (made?.intent && this.#account) this.#provisioned(this.#account);
  }

  /** Ends memberships, also those that an interrupted run may or may not have made or ended. */
  async revoke(memberships: readonly Membership[]): Promise<void> {
    for (const membership of memberships) {
      const { grant, membershipId, ending } = membership;
      this.#memberships[grantKey(grant)] = { ...membership, ending: membershipId === undefined ? ending : true };
    }
    if (memberships.some(({ membershipId, ending }) => membershipId !== undefined && !ending)) await this.#note();
    const holder = this.#account ?? this.#deleted;
    for (const { grant, membershipId, ending } of memberships) {
      const key = grantKey(grant);
      const joined = membershipId || !this.#account ? undefined : await joinedMeanwhile(this.#deps, grant, this.#account.id);
      if (joined && !joined.role.told) this.#roleProvisioned(grant.role, joined.role);
      const id = membershipId ?? joined?.membershipId;
      // An interrupted run gave it, and nobody has told.
      if (holder && id !== undefined && membershipId === undefined && !ending)
        this.#raise('RoleGranted', { grant, account: this.#named(holder) }, key);
      if (id !== undefined) await this.#deps.target.removeMember(id);
      this.#ended.add(key);
      if (id !== undefined) this.#memberships[key] = { grant, membershipId: id, ending: true };
      if (holder && (id !== undefined || ending)) this.#raise('RoleRevoked', { grant, account: this.#named(holder) }, key);
    }
    if (this.#deleted) this.#raise('AccountDeprovisioned', { account: this.#named(this.#deleted) });
  }

  /** Creates, updates or deletes the account. The grants that will follow are noted along with it. */
  async settleAccount({ account: step, profile, grant: grants }: Plan): Promise<void> {
    for (const grant of grants) {
      const { ending, membershipId, former } = this.#memberships[grantKey(grant)] ?? {};
      this.#memberships[grantKey(grant)] = { grant, ending, former: membershipId ?? former };
    }
    if (step === 'create') await this.#createAccount(profile);
    else if (step === 'update') await this.#updateAccount(profile);
    else if (step === 'delete') await this.#deleteAccount();
    else if (grants.length > 0) await this.#note();
  }

  /**
   * Gives roles. A role that is in conflict does not keep the principal from the others.
   *
   * @returns the first conflict
   */
  async grant(grants: readonly Grant[]): Promise<TargetConflictError | undefined> {
    let conflict: TargetConflictError | undefined;
    for (const grant of grants) {
      const account = this.#account;
      if (account === undefined) throw new TargetMissingError('account', `no account at ${this.#deps.target.name} for ${this.#mark.guid}`);
      try {
        const { membershipId, role } = await join(this.#deps, grant, account.id);
        if (!role.told) this.#roleProvisioned(grant.role, role);
        const former = this.#memberships[grantKey(grant)]?.former;
        if (former !== undefined && former !== membershipId)
          this.#raise('RoleRevoked', { grant, account: this.#named(account) }, grantKey(grant));
        this.#memberships[grantKey(grant)] = { grant, membershipId };
        this.#raise('RoleGranted', { grant, account: this.#named(account) }, grantKey(grant));
      } catch (error) {
        if (!(error instanceof TargetConflictError)) throw error;
        conflict ??= error;
      }
    }
    return conflict;
  }

  /** Somebody deleted the account, and its memberships with it: the next run makes what is needed anew. */
  forgetAccount(): void {
    this.#account = undefined;
    this.#memberships = {};
  }

  /** The ledger's item after this run. After a failure its revision stays behind, so that the next run goes on. */
  entry(failed: boolean): AccountEntry {
    return {
      pk: this.#entry.pk,
      version: this.#entry.version + 1,
      revision: failed ? this.#entry.revision : this.#desired.revision,
      account: this.#account,
      intent: failed && this.#account === undefined ? this.#entry.intent : undefined,
      updating: this.#account && this.#updating,
      deleting: failed && this.#account ? this.#entry.deleting : undefined,
      memberships: Object.fromEntries(Object.entries(this.#memberships).filter(([key]) => !this.#ended.has(key))),
    };
  }

  async #createAccount(profile: Profile): Promise<void> {
    const { target, now } = this.#deps;
    const found = await target.findAccount(this.#mark, profile, this.#entry.intent);
    await this.#note({ intent: { at: now().toISOString(), userName: profile.userName } });
    try {
      this.#account = found ?? (await target.createAccount(this.#mark, profile));
    } catch (error) {
      // What comes to be under that name from now on is somebody else's.
      if (error instanceof TargetConflictError && error.nothingMade) this.#entry = { ...this.#entry, intent: undefined };
      throw error;
    }
    this.#provisioned(this.#account);
    // A found account may be of an older profile.
    await this.#bring(this.#account, [this.#account.profile], profile);
  }

  async #updateAccount(profile: Profile): Promise<void> {
    if (this.#account === undefined) return;
    this.#updating = [...(this.#updating ?? []).filter((one) => !isDeepStrictEqual(one, profile)), profile];
    await this.#note({ updating: this.#updating });
    await this.#bring(this.#account, [this.#account.profile, ...this.#updating], profile);
  }

  /** @param possible profiles that the account may have now */
  async #bring(account: AccountState, possible: readonly Profile[], profile: Profile): Promise<void> {
    for (const before of possible) await this.#deps.target.updateAccount(account.id, before, profile);
    this.#account = { ...account, profile };
    this.#updating = undefined;
    const attributes = possible.map((before) => profileChanges(before, profile)).find((changes) => Object.keys(changes).length > 0);
    if (attributes) this.#raise('AccountUpdated', { account: this.#named(this.#account), attributes });
  }

  async #deleteAccount(): Promise<void> {
    const account = this.#account;
    if (account === undefined) return;
    await this.#note({ deleting: account });
    await this.#deps.target.deleteAccount(account.id, this.#mark);
    this.#raise('AccountDeprovisioned', { account: this.#named(account) });
    this.#account = undefined;
  }

  /** Notes what is about to change. An account that is being made stays out of it, so that the next run finds it and tells of it. */
  async #note(change: Partial<AccountEntry> = {}): Promise<void> {
    const next = { ...this.#entry, ...change, version: this.#entry.version + 1, memberships: { ...this.#memberships } };
    await this.#deps.ledger.write(next.intent ? { ...next, account: undefined } : next);
    this.#entry = next;
  }

  /** Its id is the role's own: whoever needs the role first, it was made once. */
  #roleProvisioned(role: string, known: KnownRole): void {
    const target = this.#deps.target.name;
    this.#raise('RoleProvisioned', { target, role, id: known.roleId }, '', eventId(target, known.roleId, 0, 'RoleProvisioned'));
    this.untoldRoles.push(known);
  }

  #provisioned(account: AccountState): void {
    this.#raise('AccountProvisioned', { account: this.#named(account), attributes: withoutUndefined(account.profile) });
  }

  #named({ id, profile }: AccountState): TargetAccount {
    return { target: this.#deps.target.name, id, userName: profile.userName };
  }

  #raise<T extends IdentityEventType>(type: T, change: ChangeOf<T>, part = '', ownId?: string): void {
    const { domain, subject, revision } = this.#desired;
    const at = this.#deps.now().toISOString();
    const id = ownId === undefined ? {} : { id: ownId };
    this.events.push(makeEvent({ type, domain, subject, change, revision, at, cause: this.#cause, part, ...id }));
  }
}

const withoutUndefined = (profile: Profile): Record<string, string> =>
  Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined));
