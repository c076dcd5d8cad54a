/** The story: a person joins, is renamed, is disabled and leaves, and each change reaches the role by itself. */

import { guidText } from '../handlers/directory/object-identity.ts';
import type { ChangeOf } from '../handlers/events/catalogue.ts';
import { auditTrail, type TrailRecord } from './audit-trail.ts';
import { changeAttribute, createUser, type Population } from './domain-controller/population.ts';
import { functionSetting, isDetectChanges } from './function-setting.ts';
import { identityStoreOf } from './identity-store.ts';
import type { Progress } from './progress.ts';
import type { Sandbox } from './sandbox.ts';
import { securityLogGroup, tellMemberAdded } from './security-log.ts';
import { until } from './waiting.ts';

/** One line of the story's table. Latencies count from the start of the poll that saw the change, in milliseconds. */
export interface StoryRow {
  readonly change: string;
  readonly event: string;
  readonly decision: string;
  readonly roleChange: string;
  readonly auditRecord: string;
  /** Who changed the directory, where its Security log told; else who says that it changed. */
  readonly actor: string;
  readonly latencyMs: { readonly event: number; readonly decision?: number; readonly roleChange?: number; readonly auditRecord: number };
}

const role = 'developers';

/** Before the first poll somebody is in the group already: what a snapshot brings reaches the role too. */
export async function beforeTheStory({ admin, usersDn }: Population, mappedGroupDn: string): Promise<void> {
  const dn = await createUser(admin, usersDn, 'Grace Example', { sAMAccountName: 'grace', displayName: 'Grace Example' });
  await changeAttribute(admin, mappedGroupDn, 'add', 'member', [dn]);
}

/** Plays the story in a sandbox that began with `beforeTheStory`. @throws Error naming the step that did not come out */
export async function playStory(sandbox: Sandbox, progress: Progress): Promise<readonly StoryRow[]> {
  const { population, mappedGroupDn, unmappedGroupDn, runtime, stack } = sandbox;
  const { admin, usersDn } = population;
  const store = identityStoreOf(sandbox);
  const keepsDeleted = functionSetting(stack, 'ON_DELETED') === 'keep';
  const rows: StoryRow[] = [];
  const told = async (change: string, effect: Partial<Effect>, work: () => Promise<void>) => {
    const before = rows.length === 0 ? 0 : (await auditTrail(sandbox)).length;
    await progress.step(change, work);
    rows.push(await row(sandbox, change, before, effect));
  };

  await told('Grace was in AWS-Developers before the first poll', { roleChange: 'RoleGranted' }, async () => {
    await until('the role of a member found by the snapshot', async () =>
      (await auditTrail(sandbox)).find(({ type }) => type === 'RoleGranted'),
    );
  });

  let dn = '';
  let userId = '';
  let guid = '';
  const userWithRoles = async (expected: readonly string[]) => {
    const user = await store.userOf(guid);
    if (user === undefined) return undefined;
    return JSON.stringify(await store.rolesOf(user.UserId)) === JSON.stringify(expected) ? user : undefined;
  };

  await told('Ada joins', { event: 'UserCreated' }, async () => {
    dn = await createUser(admin, usersDn, 'Ada Example', {
      sAMAccountName: 'ada',
      userPrincipalName: 'ada@corp.example.com',
      displayName: 'Ada Example',
      givenName: 'Ada',
      sn: 'Example',
      mail: 'ada@example.com',
    });
    guid = await guidOf(sandbox, dn);
    await until('the event of the new user', async () =>
      (await auditTrail(sandbox)).find(({ type, subject }) => type === 'UserCreated' && subject.guid === guid),
    );
    await runtime.idle();
    const decision = (await auditTrail(sandbox)).find(({ type, subject }) => type === 'AccessDecided' && subject.guid === guid);
    if (decision !== undefined) throw new Error(`a user in no group was decided on: ${JSON.stringify(decision.change)}`);
  });

  await told('Ada is put into AWS-Developers', { roleChange: 'RoleGranted' }, async () => {
    const securityLog = securityLogGroup(stack);
    // Without the schedule: where the Security log is read, its event alone brings the change.
    if (securityLog !== undefined) {
      runtime.pauseSchedules();
      await runtime.idle();
    }
    await changeAttribute(admin, mappedGroupDn, 'add', 'member', [dn]);
    if (securityLog !== undefined) await tellMemberAdded(sandbox, securityLog, mappedGroupDn, dn);
    userId = (await until(`the Identity Center user with role ${role}`, () => userWithRoles([role]))).UserId;
    runtime.resumeSchedules();
  });

  await told('Ada is renamed', { roleChange: 'AccountUpdated' }, async () => {
    await admin.modifyDN(dn, `CN=Ada Sample,${usersDn}`);
    dn = `CN=Ada Sample,${usersDn}`;
    await changeAttribute(admin, dn, 'replace', 'userPrincipalName', ['ada.sample@corp.example.com']);
    await until('the rename at Identity Center', async () => {
      const user = await store.userOf(guid);
      if (user?.UserName !== 'ada.sample@corp.example.com') return undefined;
      if (user.UserId !== userId) throw new Error(`the rename made a new user ${user.UserId} in place of ${userId}`);
      return user;
    });
  });

  await told('A group that nobody mapped changes', {}, async () => {
    const mutations = () =>
      sandbox.endpoint.calls.filter(({ service, operation }) => service === 'identitystore' && /^(Create|Update|Delete)/.test(operation));
    const before = mutations().length;
    await changeAttribute(admin, unmappedGroupDn, 'add', 'member', [dn]);
    await until('the event of the unmapped group', async () => (await memberships(sandbox, unmappedGroupDn)) || undefined);
    await runtime.idle();
    if (mutations().length !== before) throw new Error('a group that nobody mapped changed something at Identity Center');
  });

  await told('Ada is disabled', { roleChange: 'RoleRevoked' }, async () => {
    await changeAttribute(admin, dn, 'replace', 'userAccountControl', ['514']);
    const user = await until('the end of the membership', () => userWithRoles([]));
    if (user.UserId !== userId) throw new Error(`disabling replaced user ${userId} by ${user.UserId}`);
  });

  const deleted: Partial<Effect> = { event: 'UserDeleted', ...(keepsDeleted ? {} : { roleChange: 'AccountDeprovisioned' }) };
  await told('Ada is deleted', deleted, async () => {
    await admin.del(dn);
    if (keepsDeleted) {
      await until('the decision', async () =>
        (await auditTrail(sandbox)).find(({ change }) => 'state' in change && change.state === 'deleted'),
      );
      await runtime.idle();
    } else {
      await until('the end of the Identity Center user', async () => ((await store.userOf(guid)) === undefined ? true : undefined));
    }
  });
  return rows;
}

interface Effect {
  /** The event to tell of, where a change has several; otherwise the one that the decision names. */
  readonly event: TrailRecord['type'];
  readonly roleChange: TrailRecord['type'];
}

/** Reads a change's line back from the audit trail: from what it led to, up the chain of causes. */
async function row(sandbox: Sandbox, change: string, recordsBefore: number, effect: Partial<Effect>): Promise<StoryRow> {
  return await until(`the audit records of "${change}"`, async () => {
    const trail = await auditTrail(sandbox);
    const fresh = trail.slice(recordsBefore);
    const parent = (record: TrailRecord | undefined) => trail.find(({ eventId }) => record?.cause?.id === eventId);
    const roleChange = effect.roleChange === undefined ? undefined : fresh.findLast(({ type }) => type === effect.roleChange);
    if (effect.roleChange !== undefined && roleChange === undefined) return undefined;
    const isDirectory = ({ source }: TrailRecord) => source === 'active-directory.directory';
    const decision = roleChange === undefined ? fresh.findLast(({ type }) => type === 'AccessDecided') : parent(roleChange);
    const told = fresh.findLast(({ type }) => type === effect.event);
    const event = told ?? (decision === undefined ? fresh.findLast(isDirectory) : parent(decision));
    if (event === undefined || (roleChange !== undefined && decision === undefined)) return undefined;
    const detected = Date.parse(event.detectedAt);
    const poll = sandbox.runtime.invocations.findLast(
      ({ functionName, startedAt }) => isDetectChanges(sandbox.stack, functionName) && startedAt <= detected,
    );
    if (poll === undefined) throw new Error(`no poll before ${event.detectedAt}`);
    const since = (time: number) => Math.round(time - poll.startedAt);
    const last = roleChange ?? decision ?? event;
    return {
      change,
      event: event.type,
      decision: decision === undefined ? 'nothing to decide' : describeDecision(decision),
      roleChange: roleChange === undefined ? 'none' : describeRoleChange(roleChange),
      auditRecord: `${last.type} ${last.eventId.slice(0, 8)}`,
      actor: event.actor,
      latencyMs: {
        event: since(detected),
        ...(decision === undefined ? {} : { decision: since(Date.parse(decision.occurredAt)) }),
        ...(roleChange === undefined ? {} : { roleChange: since(Date.parse(roleChange.occurredAt)) }),
        auditRecord: since(last.ingestedAt),
      },
    };
  });
}

function describeDecision(record: TrailRecord): string {
  const { granted, revoked, profile, state } = record.change as ChangeOf<'AccessDecided'>;
  const parts = [
    ...granted.map((grant) => `grant ${grant.role}`),
    ...revoked.map((grant) => `revoke ${grant.role}`),
    ...(granted.length === 0 && Object.keys(profile).length > 0 ? [`profile: ${Object.keys(profile).join(', ')}`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : state;
}

function describeRoleChange({ type, change }: TrailRecord): string {
  if (type === 'RoleGranted' || type === 'RoleRevoked') return `${type} ${(change as ChangeOf<typeof type>).grant.role}`;
  if (type === 'AccountUpdated') return `${type} ${Object.keys((change as ChangeOf<typeof type>).attributes).join(', ')}`;
  if (type === 'AccountDeprovisioned') return `${type} ${(change as ChangeOf<typeof type>).account.userName}`;
  return type;
}

/** Whether the audit trail shows a change of this group's members. */
async function memberships(sandbox: Sandbox, groupDn: string): Promise<boolean> {
  return (await auditTrail(sandbox)).some(({ type, subject }) => type === 'GroupMemberAdded' && subject.dn === groupDn);
}

/** objectGUID of an entry. */
export async function guidOf({ population }: Sandbox, dn: string): Promise<string> {
  const { searchEntries } = await population.admin.search(dn, {
    scope: 'base',
    attributes: ['objectGUID'],
    explicitBufferAttributes: ['objectGUID'],
  });
  return guidText(searchEntries[0]?.objectGUID as Buffer);
}
