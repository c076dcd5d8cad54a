/**
 * One run for one principal at a target: what it knows, what it noted and what it did. The steps themselves are beside it.
 *
 * Whatever is about to change is noted in the ledger first. A run that dies at any point leaves a note, and the next one, which may want
 * the opposite, finds what was really done.
 */
import { grantKey } from '../access/grants.ts';
import type { ChangeOf, DriftKind, Grant, IdentityEventType, TargetAccount } from '../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, eventId, makeEvent } from '../events/identity-event.ts';
import {
  type AccountEntry,
  type AssignmentEntry,
  accountEventId,
  accountPk,
  assignmentNews,
  type DeletedAccount,
  type ExtraMembership,
  foundByKind,
  type Membership,
  type MembershipNews,
  mayLast,
  withFormer,
} from './ledger.ts';
import type { Wanted } from './plan.ts';
import type { AssignmentDependencies } from './role-assignments.ts';
import type { KnownRole, RoleNews } from './role-groups.ts';
import type { AccountState, Mark } from './target.ts';

export interface RunStart {
  readonly deps: AssignmentDependencies;
  readonly wanted: Wanted;
  /** The ledger's item, as far as it is known to be right. */
  readonly made: AccountEntry | undefined;
  readonly cause: Cause;
}

/** Fields of the item that steps set: notes of what is under way. */
type Notes = Pick<AccountEntry, 'account' | 'intent' | 'fresh' | 'updating' | 'activating' | 'deleting' | 'ending' | 'cut' | 'lapsed'>;

/** How a run came out: `heldBack` is the guard that keeps a part of it from being done. */
export interface RunEnd {
  readonly failed: boolean;
  readonly heldBack?: string | undefined;
}

/** Drift whose healing takes something away: it may be held back. */
const healedByRemoving: readonly DriftKind[] = ['membership-extra', 'account-active', 'account-orphaned'];

export class RoleRun {
  readonly deps: AssignmentDependencies;
  readonly wanted: Wanted;
  readonly mark: Mark;
  /** What was done, in order. */
  readonly events: AnyIdentityEvent[] = [];
  /** Roles that the events tell of; to be noted as told once they are out. */
  readonly news: RoleNews[] = [];
  account: AccountState | undefined;
  /** Accounts that are gone, oldest first, and that nobody has told of: interrupted runs, or strangers, deleted them. */
  readonly gone: readonly DeletedAccount[];
  /** Until then the notes keep them, also where the run fails. */
  goneTold = false;
  readonly memberships: Map<string, Membership>;
  readonly extras: Map<string, ExtraMembership>;
  /** Keys of memberships that ended. Notes keep them, until the run's own entry is written: that comes after their events. */
  readonly ended = new Set<string>();
  /** What was taken away and told. */
  readonly revoked: Grant[] = [];
  #entry: AccountEntry;
  #done: Partial<Notes> = {};
  readonly #cause: Cause;

  constructor({ deps, wanted, made, cause }: RunStart) {
    const { domain, subject, state } = wanted;
    this.deps = deps;
    this.wanted = wanted;
    this.#cause = cause;
    this.mark = { domain, guid: subject.guid };
    this.#entry = made ?? { pk: accountPk(deps.target.name, domain, subject.guid), version: 0, revision: 0, memberships: {} };
    // Who is back has not lost access for good: there is nothing to prove any more.
    if (state === 'active') this.set({ ending: undefined });
    this.account = made?.account;
    this.gone = withFormer(made?.deleting).filter(({ id }) => id !== made?.account?.id);
    this.memberships = new Map(Object.entries(made?.memberships ?? {}));
    this.extras = new Map(Object.entries(made?.extras ?? {}));
    // Of the one that is made next nothing is to be told but what comes of it.
    if (this.account === undefined) this.set({ fresh: undefined, updating: undefined, activating: undefined });
    for (const one of this.gone) if (one.fresh) this.#tellProvisioned(one);
    if (this.account && (made?.intent || made?.fresh)) this.made(this.account);
    for (const { grant, untold = [] } of this.memberships.values()) this.tellUntold(grant, untold);
  }

  /** Whose memberships the notes tell of. */
  get holder(): AccountState | undefined {
    return this.account ?? this.gone.at(-1);
  }

  get noted(): Notes {
    return this.#entry;
  }

  /** The notes without what this run has done. */
  get open(): Notes {
    return { ...this.#entry, ...this.#done };
  }

  /** Version of the item that the next note writes: it tells apart what is noted there first. */
  get number(): number {
    return this.#entry.version + 1;
  }

  /** Whether it heals drift of that kind. */
  heals(kind: DriftKind): boolean {
    return this.#entry.drift?.found.some((one) => one.kind === kind) ?? false;
  }

  /** Changes notes; they are written with the next `note`, or at the end. */
  set(change: Partial<Notes>): void {
    this.#entry = { ...this.#entry, ...change };
  }

  /** What the notes say is under way is done: they keep it until it is told, and the run's own entry is written. */
  done(change: Partial<Notes>): void {
    this.#done = { ...this.#done, ...change };
  }

  /** Notes what is about to change. An account that is being made stays out of it, so that the next run finds it and tells of it. */
  async note(change: Partial<Notes> = {}): Promise<void> {
    const next = { ...this.#entry, ...change, ...this.#picture(), version: this.#entry.version + 1 };
    await this.deps.ledger.write(next.intent ? { ...next, account: undefined } : next);
    this.#entry = next;
  }

  /** Takes what ended out of the notes of what it holds: an account that is made after this one has no part in it. */
  takeEnded(): Readonly<Record<string, Membership>> {
    const ended = [...this.memberships].filter(([key]) => this.ended.has(key));
    for (const [key] of ended) this.memberships.delete(key);
    return Object.fromEntries(ended);
  }

  /** Somebody deleted the account, and its memberships with it: the next run makes what is needed anew. */
  forgetAccount(): void {
    this.account = undefined;
    this.memberships.clear();
    this.extras.clear();
  }

  /** The ledger's item after this run. After a failure, or held back, its revision stays behind, so that a later run goes on. */
  entry({ failed, heldBack }: RunEnd): AccountEntry {
    const { pk, version, revision, intent, updating, activating, deleting, ending, cut, lapsed, drift } = { ...this.#entry, ...this.#done };
    const without = <T>(all: ReadonlyMap<string, T>) => Object.fromEntries([...all].filter(([key]) => !this.ended.has(key)));
    const extras = without(this.extras);
    const found = failed ? drift?.found : heldBack ? drift?.found.filter(({ kind }) => healedByRemoving.includes(kind)) : undefined;
    return {
      pk,
      version: version + 1,
      revision: failed || heldBack ? revision : this.wanted.revision,
      account: this.account,
      intent: failed && this.account === undefined ? intent : undefined,
      updating: this.account && updating,
      activating: this.account && activating,
      deleting: failed ? this.#left(deleting) : undefined,
      ending: failed || heldBack ? ending : undefined,
      cut,
      lapsed: mayLast(lapsed, this.deps.now().toISOString()),
      memberships: Object.fromEntries(
        Object.entries(without(this.memberships)).map(([key, { giving, untold: _, ...one }]) => [
          key,
          one.membershipId === undefined ? { ...one, giving } : one,
        ]),
      ),
      extras: Object.keys(extras).length > 0 ? extras : undefined,
      staged: heldBack,
      drift: drift && found?.length ? { run: drift.run, found } : undefined,
    };
  }

  /** Raises DriftHealed for each kind that was found and is healed. */
  healed({ heldBack }: RunEnd): void {
    const { drift } = this.#entry;
    if (drift === undefined) return;
    for (const [kind, detail] of foundByKind(drift)) {
      if (heldBack && healedByRemoving.includes(kind)) continue;
      const target = this.deps.target.name;
      const ownId = eventId(target, this.wanted.subject.guid, 0, 'DriftHealed', `${kind}/${drift.run}`);
      this.raise('DriftHealed', { target, run: drift.run, kind, detail }, '', ownId);
    }
  }

  /** Its id is the role's own: whoever needs the role first, it was made once. */
  roleProvisioned(name: string, role: KnownRole): void {
    if (role.told) return;
    const target = this.deps.target.name;
    this.raise('RoleProvisioned', { target, role: name, id: role.roleId }, '', eventId(target, role.roleId, 0, 'RoleProvisioned'));
    this.news.push({ role, made: true });
  }

  /** As with the role: whoever's run it was, it was done once. */
  assignmentsSettled(name: string, role: KnownRole, settled: readonly AssignmentEntry[]): void {
    if (settled.length === 0) return;
    for (const { type, change, id } of assignmentNews(this.deps.target.name, name, role.roleId, settled)) this.raise(type, change, '', id);
    this.news.push({ role, settled });
  }

  /** An account of ours is there now. From the next note on it is known as it was made. */
  made(account: AccountState): void {
    this.set({ intent: undefined, fresh: true, account });
    this.#tellProvisioned(account);
  }

  /** What has been told of accounts that are gone is kept no longer; one that may be gone is. */
  #left(deleting: DeletedAccount | undefined): DeletedAccount | undefined {
    if (!this.goneTold) return deleting;
    return deleting && deleting.id === this.account?.id ? { ...deleting, former: undefined } : undefined;
  }

  #tellProvisioned(account: AccountState): void {
    const attributes: Record<string, string> = {};
    for (const [name, value] of Object.entries(account.profile)) if (value !== undefined) attributes[name] = value;
    this.tell('AccountProvisioned', account, { account: this.named(account), attributes });
  }

  /** Raises what was done to an account, under the id of the run that noted it first. */
  tell<T extends IdentityEventType>(type: T, { id }: AccountState, change: ChangeOf<T>, number?: number, part?: string): void {
    this.raise(type, change, '', accountEventId(this.deps.target.name, id, type, number, part));
  }

  named({ id, profile }: AccountState): TargetAccount {
    return { target: this.deps.target.name, id, userName: profile.userName };
  }

  tellMembership(type: 'RoleGranted' | 'RoleRevoked', account: AccountState, grant: Grant, number: number): void {
    this.tell(type, account, { grant, account: this.named(account) }, number, grantKey(grant));
  }

  /** What interrupted runs did. */
  tellUntold(grant: Grant, untold: readonly MembershipNews[]): void {
    const { holder } = this;
    if (holder === undefined) return;
    for (const { type, number } of untold) this.tellMembership(type, holder, grant, number);
  }

  raise<T extends IdentityEventType>(type: T, change: ChangeOf<T>, part = '', ownId?: string): void {
    const { domain, subject, revision } = this.wanted;
    const { drift } = this.#entry;
    const at = this.deps.now().toISOString();
    const id = ownId === undefined ? {} : { id: ownId };
    // Other targets do the same for the same decision. Healing is of no new revision: it must not look like a repeat of what that did.
    const told = [this.deps.target.name, part, ...(drift === undefined ? [] : [drift.run])].join('/');
    this.events.push(makeEvent({ type, domain, subject, change, revision, at, cause: this.#cause, part: told, ...id }));
  }

  #picture(): Pick<AccountEntry, 'memberships' | 'extras'> {
    const extras = this.extras.size > 0 ? Object.fromEntries(this.extras) : undefined;
    return { memberships: Object.fromEntries(this.memberships), extras };
  }
}
