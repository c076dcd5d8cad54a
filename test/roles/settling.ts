/** settle-guard with its ports in memory and a signing key of its own, behind a guard that can be tripped. */
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import type { PrincipalMessage } from '../../handlers/access/role-message.ts';
import { type AnyIdentityEvent, parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import type { Guard, Removal } from '../../handlers/roles/guard.ts';
import { decisionText, digestOf, type GuardDecision, guardDecided } from '../../handlers/roles/guard-decision.ts';
import type { GuardStore } from '../../handlers/roles/guard-store.ts';
import { guarding } from '../../handlers/roles/guarding.ts';
import { type SettleGuardDependencies, settleGuard } from '../../handlers/roles/settle-guard/settle-guard.ts';
import { type CallWatch, watching } from '../platform/watched-calls.ts';
import { guardId } from './guard-answers.ts';
import { memoryGuardStore } from './memory-guard.ts';
import { clock, only, target } from './removals.ts';

export const approver = 'arn:aws:sts::111122223333:assumed-role/approvers/ada';

export function settling(limits = only({ revocations: { hour: { most: 0, share: 1 } } })) {
  const store = memoryGuardStore();
  const time = clock();
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const published: AnyIdentityEvent[] = [];
  const sent: PrincipalMessage[] = [];
  const logged: { code: string; fields: Record<string, unknown> | undefined }[] = [];
  const log = (code: string, fields?: Record<string, unknown>) => void logged.push({ code, fields });

  const dependencies = (watch: CallWatch = {}): SettleGuardDependencies => {
    const { wrap } = watching(watch);
    const { send } = wrap({ send: async (messages: readonly PrincipalMessage[]) => void sent.push(...messages) });
    return {
      targets: new Map([[target, { store: wrap<GuardStore>(store), send }]]),
      ...wrap({
        verify: async (decision: GuardDecision, signature: Uint8Array) =>
          verify('sha256', Buffer.from(decisionText(decision)), pair.publicKey, signature),
        publish: async (events: readonly AnyIdentityEvent[]) => {
          for (const event of events) published.push(delivered(event));
        },
      }),
      log: { info: log, warn: log, error: log },
      now: time.now,
    };
  };

  const bodyOf = (decision: GuardDecision, signed: GuardDecision = decision): string => {
    const signature = sign('sha256', Buffer.from(decisionText(signed)), pair.privateKey);
    const { Source, DetailType, Detail } = toEntry(guardDecided(decision, signature, time.now().toISOString()));
    return JSON.stringify({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
  };

  return {
    store,
    time,
    published,
    sent,
    logged,
    bodyOf,
    guard: (): Guard => guarding(store, { target, limits, now: time.now }),
    /** @returns the guard that holds all of it back */
    async tripped(removals: readonly Removal[]): Promise<string> {
      let id = '';
      for (const removal of removals) {
        const answer = await this.guard().admit(removal);
        await answer.told?.();
        id = guardId(answer);
      }
      return id;
    },
    /** What a person decides who looks now. */
    async decision(guard: string, outcome: GuardDecision['outcome'] = 'approved'): Promise<GuardDecision> {
      const staged = (await store.removalsOf(guard)).filter((one) => one.outcome === 'staged');
      return { target, guard, outcome, by: approver, staged: staged.length, digest: digestOf(staged) };
    },
    settle: (body: string, watch?: CallWatch) => settleGuard(dependencies(watch), body),
    /** Reasons of refusals, in order. */
    refusals: () => logged.filter(({ code }) => code === 'GUARD_DECISION_REFUSED').map(({ fields }) => fields?.reason),
    told: () => [...new Map(published.map((event) => [event.id, event])).values()],
    dependencies,
  };
}

/** As it arrives behind the bus. */
function delivered(event: AnyIdentityEvent): AnyIdentityEvent {
  const { Source, DetailType, Detail } = toEntry(event);
  return parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
}
