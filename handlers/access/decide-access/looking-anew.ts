/** Fan-outs: below a group that changed, and to everybody when a first snapshot is complete, the configuration is another or a time has come. */
import { groupsListing, isObjectRow, type ObjectRow } from '../../directory/mirror.ts';
import type { Cause } from '../../events/identity-event.ts';
import { changedParts, configurationEvents, type Deployment } from '../configuration-changes.ts';
import { lookAts, type Revalidation } from '../decision-message.ts';
import { type ObjectName, usersBelow } from '../fan-out.ts';
import { namedGroups } from '../named-groups.ts';
import { isDue } from '../revalidation.ts';
import type { DecideAccessDependencies } from './decide-access.ts';
import type { LoadedAccess } from './loaded-access.ts';

/** Stretches of the grants table in one run. The next run goes on from there: however many there are, none takes too long. */
const stretches = 10;

/**
 * Orders a revalidation when one is due. The queue keeps what is ordered, so it is remembered as done from here on; a run that ends in
 * between orders it once more. What a deployment changed is told before it is ordered.
 */
export async function orderRevalidation(deps: DecideAccessDependencies): Promise<void> {
  const loaded = await deps.access();
  const { access, digest } = loaded;
  const now = deps.now();
  const { mappings, revalidateEveryHours: everyHours } = access.configuration;
  const last = await deps.revalidations.read();
  const due = isDue(last, { now, digest, mappings, everyHours });
  if (due === undefined) return;
  const at = now.toISOString();
  const isNew = last?.digest !== digest;
  const revision = (last?.revision ?? 0) + (isNew ? 1 : 0);
  // Of the same one, too: another may have been told, and taken back before it was remembered.
  await tellConfiguration(deps, loaded, { from: last?.digest, to: digest, revision, at });
  const cause: Cause = { id: `revalidation-${due}-${at}`, type: 'Revalidation', occurredAt: at, detectedAt: at };
  await deps.fanOut([
    { revalidation: { of: 'groups' }, cause },
    { revalidation: { of: 'principals' }, cause },
  ]);
  await deps.revalidations.write({ at, digest, since: isNew ? at : last.since, revision });
  deps.log.info('REVALIDATION_ORDERED', { due, digest });
}

/** Tells what a deployment changed; a run that ends in between tells it once more, under the same ids. */
async function tellConfiguration(deps: DecideAccessDependencies, { parts }: LoadedAccess, deployment: Deployment): Promise<void> {
  const before = await deps.knownConfiguration.read();
  const changed = changedParts(before, parts);
  await deps.publish(configurationEvents(before, changed, deployment));
  for (const part of changed) await deps.knownConfiguration.write(part);
}

/** A part of a revalidation: whoever a mapping may give a role to, or whoever has one, or was denied one. */
export async function revalidate(deps: DecideAccessDependencies, { revalidation, cause }: Revalidation): Promise<void> {
  if (revalidation.of === 'groups') await fanOutSelected(deps, cause);
  else await fanOutKnown(deps, revalidation.after, cause);
}

async function fanOutKnown(deps: DecideAccessDependencies, from: string | undefined, cause: Cause): Promise<void> {
  let [after, principals] = [from, 0];
  for (let stretch = 1; stretch <= stretches; stretch += 1) {
    const { items, after: next } = await deps.grants.scan(after);
    const users = items.map(({ domain, subject }) => ({ domain, guid: subject.guid }));
    await deps.fanOut(lookAts(users, cause));
    [after, principals] = [next, principals + users.length];
    if (after === undefined) break;
  }
  deps.log.info('REVALIDATION_FANNED_OUT', { principals, complete: after === undefined });
  if (after !== undefined) await deps.fanOut([{ revalidation: { of: 'principals', after }, cause }]);
}

/** All who are below a group that a mapping selects. Of every domain: groups of one hold members of another, whose snapshot came first. */
export async function fanOutSelected(deps: DecideAccessDependencies, cause: Cause): Promise<void> {
  const { access } = await deps.access();
  const keys = (await Promise.all(deps.domains.map((domain) => deps.mirror.list(groupsListing(domain))))).flat();
  const groups = (await deps.mirror.read(keys)).filter((row): row is ObjectRow => isObjectRow(row) && !row.deleted);
  const { selected, without } = namedGroups(access, groups);
  for (const [code, fields] of without) deps.log.warn(code, fields);
  const principals = await fanOutTo(deps, selected, cause);
  deps.log.info('FANNED_OUT', { groups: selected.length, principals });
}

/**
 * Sends everybody below these groups to our own queue. One fan-out at a time: the members of several large groups would fill the memory.
 *
 * @param seenAt see `LookAt`
 * @returns how many they are
 */
export function fanOutTo(
  deps: DecideAccessDependencies,
  groups: readonly ObjectName[],
  cause: Cause,
  seenAt?: string | undefined,
): Promise<number> {
  return deps.exclusive('fan-out', async () => {
    const users = await usersBelow(deps.mirror, groups);
    await deps.fanOut(lookAts(users, cause, seenAt));
    return users.length;
  });
}
