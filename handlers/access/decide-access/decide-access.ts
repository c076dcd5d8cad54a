/** Events say which principals to look at; the mirror says what they should have. */
import { objectKey } from '../../directory/mirror.ts';
import { type Principal, principalsOf, readPrincipal } from '../../directory/principals.ts';
import { eventTypes } from '../../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, causeOf } from '../../events/identity-event.ts';
import { eachLimited } from '../../platform/dynamodb.ts';
import { RetryableError } from '../../platform/errors.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Exclusive } from '../../platform/exclusive.ts';
import type { Log } from '../../platform/log.ts';
import type { KnownConfiguration } from '../configuration-changes.ts';
import { decide } from '../decide.ts';
import { type LookAt, type OwnMessage, parseDecisionMessage } from '../decision-message.ts';
import type { FanOutReader, ObjectName } from '../fan-out.ts';
import { type Grants, type PrincipalGrants, principalKey } from '../grants.ts';
import type { Revalidations } from '../revalidation.ts';
import type { PrincipalMessage } from '../role-message.ts';
import { isOutboxFull } from '../size-limits.ts';
import type { LoadedAccess } from './loaded-access.ts';
import { fanOutSelected, fanOutTo, orderRevalidation, revalidate } from './looking-anew.ts';

export interface DecideAccessDependencies {
  readonly mirror: FanOutReader;
  /** DNS names of the directories that are watched. */
  readonly domains: readonly string[];
  /** Whether the first read of a directory is complete: before that nobody of it is decided on, and what is held stays (invariants 3 and 7). */
  readonly isCompletelyRead: (domain: string) => Promise<boolean>;
  readonly grants: Grants;
  readonly revalidations: Revalidations;
  readonly knownConfiguration: KnownConfiguration;
  /** What decides. @throws when it cannot be loaded: then nothing is decided, and what is held stays (invariant 7) */
  readonly access: () => Promise<LoadedAccess>;
  /** Sends messages to our own queue. */
  readonly fanOut: (messages: readonly OwnMessage[]) => Promise<void>;
  /** Names of the targets that have a sync-roles. */
  readonly targets: ReadonlySet<string>;
  /** Sends a message to the sync-roles of a target; messages of one principal keep their order. */
  readonly syncRoles: (target: string, message: PrincipalMessage) => Promise<void>;
  /** Two messages about one principal in one batch: the second would announce what the first is announcing. */
  readonly exclusive: Exclusive;
  readonly publish: Publish;
  readonly log: Log;
  readonly now: () => Date;
}

/** Times a decision is taken anew because another one came in between. */
const attempts = 5;
/** Principals of one message that are decided on at once. */
const width = 8;

/**
 * Handles one message: an identity event from the bus, some principals of a fan-out, or the tick that asks whether everybody is to be looked
 * at anew.
 *
 * @throws InvalidEventError for a message it cannot read, which then ends in the dead-letter queue
 * @throws RetryableError when other decisions for the same principal keep coming first
 */
export async function decideAccess(deps: DecideAccessDependencies, body: string): Promise<void> {
  const message = parseDecisionMessage(body);
  if ('lookAt' in message) await decideEach(deps, message);
  else if ('revalidate' in message) await orderRevalidation(deps);
  else if ('revalidation' in message) await revalidate(deps, message);
  else await decideFor(deps, message);
}

const directoryEvents = eventTypes('active-directory.directory');
const ofUsers: ReadonlySet<string> = new Set(directoryEvents.filter((type) => type.startsWith('User')));
const ofGroups: ReadonlySet<string> = new Set(directoryEvents.filter((type) => type.startsWith('Group')));

async function decideFor(deps: DecideAccessDependencies, event: AnyIdentityEvent): Promise<void> {
  const { id, type, domain, subject } = event;
  const cause = causeOf(event);
  if (type === 'GroupMemberAdded' || type === 'GroupMemberRemoved') await decideMember(deps, domain, event.change.member.guid, cause);
  else if (type === 'GroupUpdated' && !('groupType' in event.change)) deps.log.info('EVENT_IRRELEVANT', { type, id });
  else if (ofGroups.has(type)) await fanOutBelow(deps, { domain, guid: subject.guid }, cause);
  else if (ofUsers.has(type) || (type === 'PasswordChanged' && subject.type === 'user')) {
    await decidePrincipal(deps, { domain, guid: subject.guid, seenAt: objectKey(domain, subject.guid).pk }, cause);
  } else if (type === 'DirectorySnapshotCompleted') {
    await fanOutSelected(deps, cause);
    // Of a mirror that was read anew: whoever holds a role, and is in none of those groups any more.
    await deps.fanOut([{ revalidation: { of: 'principals' }, cause }]);
  } else deps.log.info('EVENT_IRRELEVANT', { type, id });
}

/** Decides for who is meant by a member of a group: a user, maybe of another domain, or everybody below a group. */
async function decideMember(deps: DecideAccessDependencies, domain: string, guid: string, cause: Cause): Promise<void> {
  const principals = await principalsOf(deps.mirror, domain, guid);
  // Absence never revokes, and what is neither user nor group holds no role. A user's own row raises its own event when it comes.
  if (principals.length === 0) deps.log.info('PRINCIPAL_NOT_A_USER', { domain, guid });
  for (const principal of principals) {
    if (principal.type === 'user') await decidePrincipal(deps, principal, cause);
    else await fanOutBelow(deps, principal, cause, principal.seenAt);
  }
}

/** @param seenAt partition in which the group was met, where that is not its own */
async function fanOutBelow(deps: DecideAccessDependencies, group: ObjectName, cause: Cause, seenAt?: string): Promise<void> {
  const { domain, guid } = group;
  const elsewhere = seenAt === objectKey(domain, guid).pk ? undefined : seenAt;
  const principals = await fanOutTo(deps, [group], cause, elsewhere);
  deps.log.info('FANNED_OUT', { domain, group: guid, principals });
}

/** All are tried: one principal that cannot be decided on holds up none of the others. */
async function decideEach(deps: DecideAccessDependencies, { lookAt: { domain, guids, seenAt }, cause }: LookAt): Promise<void> {
  const failures: unknown[] = [];
  await eachLimited(guids, width, async (guid) => {
    await decidePrincipal(deps, { domain, guid, seenAt: seenAt ?? objectKey(domain, guid).pk }, cause).catch((error: unknown) => {
      deps.log.warn('DECISION_FAILED', { domain, guid, reason: String(error) });
      failures.push(error);
    });
  });
  if (failures.length > 0) throw failures[0];
}

type LookedAt = Omit<Principal, 'type'>;

const decidePrincipal = (deps: DecideAccessDependencies, principal: LookedAt, cause: Cause): Promise<void> =>
  deps.exclusive(principalKey(principal.domain, principal.guid), () => decideAlone(deps, principal, cause));

async function decideAlone(deps: DecideAccessDependencies, { domain, guid, seenAt }: LookedAt, cause: Cause): Promise<void> {
  const { access } = await deps.access();
  if (!(await deps.isCompletelyRead(domain))) {
    // The end of that read is an event, which looks at everybody.
    deps.log.info('DIRECTORY_INCOMPLETE', { domain, guid });
    return;
  }
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    // The grants first: what the mirror says after that cannot be older than the decision we would replace.
    let current = await deps.grants.read(principalKey(domain, guid));
    if (current !== undefined && isOutboxFull(current.unannounced)) {
      await announce(deps, current);
      current = { ...current, unannounced: [] };
    }
    const { principal, groups } = await readPrincipal(deps.mirror, domain, guid, seenAt);
    const isUser = principal?.type === 'user';
    if (!isUser) deps.log.info('PRINCIPAL_NOT_A_USER', { domain, guid });
    const decided = isUser ? decide(principal, groups, current, { access, cause, decidedAt: deps.now().toISOString() }) : undefined;
    if (decided === undefined) {
      if (current !== undefined && current.unannounced.length > 0) await announce(deps, current);
      return;
    }
    if (await deps.grants.replace(decided, current)) {
      const { revision, state } = decided;
      const [grants, denied] = [Object.keys(decided.grants), Object.keys(decided.denied)];
      deps.log.info('ACCESS_DECIDED', { domain, guid, revision, state, grants, denied });
      // Once more: a run that saw a later mirror but the grants as they were before this write found nothing to change.
      continue;
    }
    deps.log.info('DECISION_OVERTAKEN', { domain, guid, attempt });
  }
  throw new RetryableError(`decisions for ${domain} ${guid} came in between ${attempts} times: the message is tried again`);
}

/**
 * Tells the bus, and every target that the principal was ever to hold a role at. A crash in between repeats it: events carry the same id, and
 * sync-roles finds nothing left to do.
 */
async function announce(deps: DecideAccessDependencies, decided: PrincipalGrants): Promise<void> {
  await deps.publish(decided.unannounced);
  // What is only denied changes nothing at a target.
  const last = decided.unannounced.findLast(({ type }) => type === 'AccessDecided');
  if (last !== undefined) await tellTargets(deps, decided, causeOf(last));
  await deps.grants.announced(decided.pk, decided.revision);
}

async function tellTargets(
  deps: DecideAccessDependencies,
  { domain, subject, revision, profiles }: PrincipalGrants,
  cause: Cause,
): Promise<void> {
  for (const target of Object.keys(profiles)) {
    if (deps.targets.has(target)) await deps.syncRoles(target, { domain, guid: subject.guid, revision, cause });
    // Taken out of the configuration: what was made there is nobody's to change any more.
    else deps.log.warn('TARGET_UNKNOWN', { domain, guid: subject.guid, target });
  }
}
