/** One line of the story's table, read back from the audit trail: from what a change led to, up the chain of causes. */
import type { ChangeOf, Grant } from '../handlers/events/catalogue.ts';
import { auditTrail, type TrailRecord } from './audit-trail.ts';
import { isDetectChanges } from './function-setting.ts';
import type { Sandbox } from './sandbox.ts';
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

/** @param recordsBefore the trail's length before the change @throws Error when the records do not come */
export async function storyRow(sandbox: Sandbox, change: string, recordsBefore: number, effect: Effect): Promise<StoryRow> {
  return await until(`the audit records of "${change}"`, async () => {
    const trail = await auditTrail(sandbox);
    const fresh = trail.slice(recordsBefore);
    const roleChanges = fresh.filter((record) => record.type === effect.roleChange && effect.at?.includes(targetOf(record)));
    const reached = new Set(roleChanges.map(targetOf));
    if (effect.roleChange !== undefined && !effect.at?.every((target) => reached.has(target))) return undefined;
    const roleChange = roleChanges.at(-1);
    const cause = roleChange && causeOf(trail, roleChange);
    const decision =
      roleChange === undefined ? fresh.findLast(({ type }) => type === 'AccessDecided') : isDecision(cause) ? cause : undefined;
    const event =
      effect.event === undefined
        ? ((decision && causeOf(trail, decision)) ?? cause ?? fresh.findLast(({ source }) => source === 'active-directory.directory'))
        : fresh.findLast(({ type }) => type === effect.event);
    if (event === undefined || (roleChange !== undefined && cause === undefined)) return undefined;
    const start = startOf(sandbox, event);
    const since = (time: number) => Math.round(time - start);
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
  });
}

const isDecision = (record: TrailRecord | undefined): boolean => record?.type === 'AccessDecided';

/** What has healed was found by a run; everything else names the event that it follows from. */
function causeOf(trail: readonly TrailRecord[], { type, change, cause }: TrailRecord): TrailRecord | undefined {
  if (type !== 'DriftHealed') return trail.find(({ eventId }) => eventId === cause?.id);
  const { run, kind } = change as ChangeOf<'DriftHealed'>;
  return trail.find((one) => {
    const found = one.change as ChangeOf<'DriftFound'>;
    return one.type === 'DriftFound' && found.run === run && found.kind === kind;
  });
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
function targetOf({ change }: TrailRecord): string {
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
