/** Events say which principals to look at; the mirror says what they should have. */
import * as v from 'valibot';
import { groupsListing, isObjectRow, type Mirror, membersListing, type ObjectRow } from '../../directory/mirror.ts';
import { type Principal, principalsOf, readPrincipal } from '../../directory/principals.ts';
import { eventTypes } from '../../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, causeSchema, parseEvent } from '../../events/identity-event.ts';
import { InvalidEventError, RetryableError } from '../../platform/errors.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Exclusive } from '../../platform/exclusive.ts';
import type { Log } from '../../platform/log.ts';
import { decide, groupNames } from '../decide.ts';
import { type Grants, type PrincipalGrants, principalKey } from '../grants.ts';
import { matchRole, type RoleMapping } from '../role-mapping.ts';
import type { RoleMessage } from '../role-message.ts';

/** A message to ourselves: one principal of a fan-out. */
const lookAtSchema = v.strictObject({
  lookAt: v.strictObject({ domain: v.string(), guid: v.string() }),
  cause: causeSchema,
});
export type LookAt = v.InferOutput<typeof lookAtSchema>;

export interface DecideAccessDependencies {
  readonly mirror: Pick<Mirror, 'read' | 'readPartition' | 'list' | 'listBySid'>;
  readonly grants: Grants;
  readonly mappings: () => Promise<readonly RoleMapping[]>;
  /** Sends messages to our own queue. */
  readonly fanOut: (messages: readonly LookAt[]) => Promise<void>;
  /** Sends a message to sync-roles; messages of one principal keep their order. */
  readonly syncRoles: (message: RoleMessage) => Promise<void>;
  /** Two messages about one principal in one batch: the second would announce what the first is announcing. */
  readonly exclusive: Exclusive;
  readonly publish: Publish;
  readonly log: Log;
  readonly now: () => Date;
}

/** Times a decision is taken anew because another one came in between. */
const attempts = 5;

/**
 * Handles one message: an identity event from the bus, or one principal of a fan-out.
 *
 * @throws InvalidEventError for a message it cannot read, which then ends in the dead-letter queue
 * @throws RetryableError when other decisions for the same principal keep coming first
 */
export async function decideAccess(deps: DecideAccessDependencies, body: string): Promise<void> {
  const message = parseMessage(body);
  if ('lookAt' in message) {
    await decidePrincipal(deps, message.lookAt.domain, message.lookAt.guid, message.cause);
    return;
  }
  const cause: Cause = { id: message.id, type: message.type, occurredAt: message.occurredAt, detectedAt: message.detectedAt };
  if (ofUsers.has(message.type)) await decidePrincipal(deps, message.domain, message.subject.guid, cause);
  else if (message.type === 'GroupMemberAdded' || message.type === 'GroupMemberRemoved') {
    await decidePrincipal(deps, message.domain, message.change.member.guid, cause);
  } else if (ofGroups.has(message.type)) await fanOutGroups(deps, message.domain, [message.subject.guid], cause);
  else if (message.type === 'DirectorySnapshotCompleted') await fanOutSnapshot(deps, message.domain, cause);
  else deps.log.info('EVENT_IRRELEVANT', { type: message.type, id: message.id });
}

const directoryEvents = eventTypes('active-directory.directory');
const ofUsers: ReadonlySet<string> = new Set(directoryEvents.filter((type) => type.startsWith('User')));
const ofGroups: ReadonlySet<string> = new Set(directoryEvents.filter((type) => type.startsWith('Group')));

function parseMessage(body: string): AnyIdentityEvent | LookAt {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new InvalidEventError('message is no JSON: send an identity event');
  }
  const lookAt = v.safeParse(lookAtSchema, value);
  return lookAt.success ? lookAt.output : parseEvent(value);
}

/** Decides for who is meant: a member of a group may be the stand-in of a user of another domain. */
async function decidePrincipal(deps: DecideAccessDependencies, domain: string, guid: string, cause: Cause): Promise<void> {
  const principals = await principalsOf(deps.mirror, domain, guid);
  // Absence never revokes, and what is no user holds no role. A user's own row raises its own event when it comes.
  if (principals.length === 0) deps.log.info('PRINCIPAL_NOT_A_USER', { domain, guid });
  for (const principal of principals) {
    await deps.exclusive(principalKey(principal.domain, principal.guid), () => decideAlone(deps, principal, cause));
  }
}

async function decideAlone(deps: DecideAccessDependencies, { domain, guid, seenAt }: Principal, cause: Cause): Promise<void> {
  const mappings = await deps.mappings();
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    // The grants first: what the mirror says after that cannot be older than the decision we would replace.
    const current = await deps.grants.read(principalKey(domain, guid));
    const { principal, groups } = await readPrincipal(deps.mirror, domain, guid, seenAt);
    const isUser = principal?.type === 'user';
    const decided = isUser ? decide(principal, groups, current, { mappings, cause, decidedAt: deps.now().toISOString() }) : undefined;
    if (decided === undefined) {
      if (current !== undefined && current.unannounced.length > 0) await announce(deps, current);
      return;
    }
    if (await deps.grants.replace(decided)) {
      deps.log.info('ACCESS_DECIDED', {
        domain,
        guid,
        revision: decided.revision,
        state: decided.state,
        grants: Object.keys(decided.grants),
      });
      // Once more: a run that saw a later mirror but the grants as they were before this write found nothing to change.
      continue;
    }
    deps.log.info('DECISION_OVERTAKEN', { domain, guid, attempt });
  }
  throw new RetryableError(`decisions for ${domain} ${guid} came in between ${attempts} times: the message is tried again`);
}

/** Tells the bus and sync-roles. A crash in between repeats it: events carry the same id, and sync-roles finds nothing left to do. */
async function announce(deps: DecideAccessDependencies, decided: PrincipalGrants): Promise<void> {
  await deps.publish(decided.unannounced);
  const last = decided.unannounced.at(-1);
  const { domain, subject, revision } = decided;
  await deps.syncRoles({
    domain,
    guid: subject.guid,
    revision,
    cause: { id: last?.id ?? decided.cause.id, type: 'AccessDecided', occurredAt: decided.decidedAt, detectedAt: decided.decidedAt },
  });
  await deps.grants.announced(decided.pk, revision);
}

async function fanOutGroups(deps: DecideAccessDependencies, domain: string, groupGuids: readonly string[], cause: Cause): Promise<void> {
  for (const group of groupGuids) {
    const edges = await deps.mirror.list(membersListing(domain, group));
    const prefix = `${domain}#`;
    await deps.fanOut(edges.map(({ pk }) => ({ lookAt: { domain, guid: pk.slice(prefix.length) }, cause })));
    deps.log.info('FANNED_OUT', { domain, group, principals: edges.length });
  }
}

/** After the first snapshot: the members of every group that a mapping selects. */
async function fanOutSnapshot(deps: DecideAccessDependencies, domain: string, cause: Cause): Promise<void> {
  const mappings = await deps.mappings();
  const groups = (await deps.mirror.read(await deps.mirror.list(groupsListing(domain)))).filter(
    (row): row is ObjectRow => isObjectRow(row) && !row.deleted,
  );
  for (const mapping of mappings) {
    if (!groups.some((group) => matchRole(mapping, groupNames(group))))
      deps.log.warn('ROLE_MAPPING_MATCHES_NOTHING', { mapping: mapping.id });
  }
  const selected = groups.filter((group) => mappings.some((mapping) => matchRole(mapping, groupNames(group))));
  await fanOutGroups(
    deps,
    domain,
    selected.map(({ guid }) => guid),
    cause,
  );
}
