/** One line of the story's table, read back from the audit trail: from what a change led to, up the chain of causes. */
import { type ChangeOf, catalogue, type Grant } from '../handlers/events/catalogue.ts';
import type { AnyIdentityEvent } from '../handlers/events/identity-event.ts';
import { auditTrail, type TrailRecord } from './audit-trail.ts';
import { isDetectChanges } from './function-setting.ts';
import type { Sandbox } from './sandbox.ts';
import { toldEvents } from './told-events.ts';
import { until } from './waiting.ts';

/** Latencies count from the start of the invocation that saw the change (a poll, a run of reconcile, or a step of a rotation), in milliseconds. */
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

/** What a change is to lead to. */
export interface Effect {
  /** The event to tell of, where a change has several; otherwise the one that the decision names. */
  readonly event?: TrailRecord['type'];
  readonly roleChange?: RoleChange;
  /** Names of the targets where that changes. */
  readonly at?: readonly string[];
}

type RoleChange = 'RoleGranted' | 'AccountUpdated' | 'AccessEnded' | 'AccountDeprovisioned' | 'DriftHealed';

/** The events that a change is told by. */
export interface Told {
  readonly change: string;
  readonly effect: Effect;
  /** Ids. */
  readonly event: string;
  readonly decision?: string;
  readonly roleChanges: readonly string[];
}

/** @param eventsBefore how many events there were before the change @throws Error when what it is to lead to is not told */
export async function toldBy(sandbox: Sandbox, change: string, eventsBefore: number, effect: Effect): Promise<Told> {
  return await until(`what "${change}" leads to`, async () => {
    const events = toldEvents(sandbox);
    const fresh = events.slice(eventsBefore);
    const roleChanges = fresh.filter((one) => one.type === effect.roleChange && effect.at?.includes(targetOf(one)));
    const reached = new Set(roleChanges.map(targetOf));
    if (effect.roleChange !== undefined && !effect.at?.every((target) => reached.has(target))) return undefined;
    const roleChange = roleChanges.at(-1);
    const cause = roleChange && causeIn(events, roleChange);
    const decision =
      roleChange === undefined
        ? fresh.findLast(({ type }) => type === 'AccessDecided')
        : cause?.type === 'AccessDecided'
          ? cause
          : undefined;
    const event =
      effect.event === undefined
        ? ((decision && causeIn(events, decision)) ??
          cause ??
          fresh.findLast(({ type }) => catalogue[type].source === 'active-directory.directory'))
        : fresh.findLast(({ type }) => type === effect.event);
    if (event === undefined || (roleChange !== undefined && cause === undefined)) return undefined;
    return { change, effect, event: event.id, ...(decision && { decision: decision.id }), roleChanges: roleChanges.map(({ id }) => id) };
  });
}

/** Reads the rows back from the audit trail. @throws Error when a record does not come */
export async function storyRows(sandbox: Sandbox, told: readonly Told[]): Promise<readonly StoryRow[]> {
  const rows: StoryRow[] = [];
  for (const one of told) {
    rows.push(await until(`the audit records of "${one.change}"`, async () => storyRow(sandbox, await auditTrail(sandbox), one)));
  }
  return rows;
}

function storyRow(sandbox: Sandbox, trail: readonly TrailRecord[], { change, effect, ...ids }: Told): StoryRow | undefined {
  const record = (id: string) => trail.find(({ eventId }) => eventId === id);
  const event = record(ids.event);
  const decision = ids.decision === undefined ? undefined : record(ids.decision);
  const roleChanges = ids.roleChanges.map(record).filter((one) => one !== undefined);
  if (event === undefined || (ids.decision !== undefined && decision === undefined)) return undefined;
  if (roleChanges.length < ids.roleChanges.length) return undefined;
  const start = startOf(sandbox, event);
  const since = (time: number) => Math.round(time - start);
  const roleChange = roleChanges.at(-1);
  const last = roleChange ?? decision ?? event;
  return {
    change,
    event: event.type,
    decision: decision === undefined ? 'nothing to decide' : describeDecision(decision.change as ChangeOf<'AccessDecided'>),
    roleChange: effect.roleChange === undefined ? 'none' : describeRoleChanges(effect.roleChange, roleChanges),
    auditRecord: `${last.type} ${last.eventId.slice(0, 8)}`,
    actor: event.actor,
    latencyMs: {
      event: since(Date.parse(event.detectedAt)),
      ...(decision === undefined ? {} : { decision: since(Date.parse(decision.occurredAt)) }),
      ...(roleChange === undefined ? {} : { roleChange: since(Date.parse(roleChange.occurredAt)) }),
      auditRecord: since(last.ingestedAt),
    },
  };
}

/** What has healed was found by a run; everything else names the event that it follows from. */
function causeIn(events: readonly AnyIdentityEvent[], { type, change, cause }: AnyIdentityEvent): AnyIdentityEvent | undefined {
  if (type !== 'DriftHealed') return events.find(({ id }) => id === cause?.id);
  const { run, kind } = change;
  return events.find((one) => one.type === 'DriftFound' && one.change.run === run && one.change.kind === kind);
}

/** Start of the invocation that saw what the event tells, epoch milliseconds. */
function startOf({ runtime, stack }: Sandbox, { type, detectedAt }: TrailRecord): number {
  const isSeer = (name: string) => {
    if (type === 'DriftFound') return /-reconcile-[^-]/.test(name);
    return type === 'CredentialRotated' ? name.includes('-rotate-credential-') : isDetectChanges(stack, name);
  };
  const seen = runtime.invocations.findLast(({ functionName, startedAt }) => isSeer(functionName) && startedAt <= Date.parse(detectedAt));
  if (seen === undefined) throw new Error(`no invocation before ${detectedAt} can have seen ${type}`);
  return seen.startedAt;
}

/** Each with its targets, by name: `developers at identity-center, wiki`. */
function withTargets(pairs: readonly (readonly [what: string, target: string])[]): readonly string[] {
  const byName = Map.groupBy(pairs, ([what]) => what);
  return [...byName.keys()].sort().map((what) => {
    const targets = new Set(byName.get(what)?.map(([, target]) => target));
    return `${what} at ${[...targets].sort().join(', ')}`;
  });
}

function describeDecision({ granted, revoked, profile, state }: ChangeOf<'AccessDecided'>): string {
  const roles = (grants: readonly Grant[]) => withTargets(grants.map(({ role, target }) => [role, target] as const));
  const attributes = Object.keys(profile).map((key) => [key.slice(key.indexOf('.') + 1), key.slice(0, key.indexOf('.'))] as const);
  const parts = [
    ...roles(granted).map((text) => `grant ${text}`),
    ...roles(revoked).map((text) => `revoke ${text}`),
    ...(granted.length === 0 ? withTargets(attributes).map((text) => `profile: ${text}`) : []),
  ];
  return parts.length > 0 ? parts.join('; ') : state;
}

/** Of the event types that a change is told by. */
function targetOf({ change }: Pick<AnyIdentityEvent, 'change'>): string {
  const { target, account } = change as { readonly target?: string; readonly account?: { readonly target: string } };
  return target ?? account?.target ?? '';
}

/** Of all targets together: `RoleGranted developers at identity-center, wiki`. */
function describeRoleChanges(type: RoleChange, records: readonly TrailRecord[]): string {
  const told: { readonly [Type in RoleChange]: (change: never) => readonly string[] } = {
    RoleGranted: ({ grant }: ChangeOf<'RoleGranted'>) => [grant.role],
    AccountUpdated: ({ attributes }: ChangeOf<'AccountUpdated'>) => Object.keys(attributes),
    AccessEnded: ({ ended }: ChangeOf<'AccessEnded'>) => ended.map(({ role }) => role),
    AccountDeprovisioned: ({ account }: ChangeOf<'AccountDeprovisioned'>) => [account.userName],
    DriftHealed: ({ kind }: ChangeOf<'DriftHealed'>) => [kind],
  };
  const pairs = records.flatMap((record) => told[type](record.change as never).map((what) => [what, targetOf(record)] as const));
  return `${type} ${withTargets(pairs).join('; ')}`;
}
