/** The shared budget in memory, for tests of its callers. It is held to the same contract as the one in DynamoDB. */
import type { Budget } from '../../handlers/roles/budget.ts';
import { callSlots } from '../../handlers/roles/call-slots.ts';
import type { BudgetLimits } from '../../handlers/roles/dynamodb-budget.ts';

/** What the functions of one target share. @returns what opens it, as each function does */
export function memoryBudgets({ callsPerSecond = 19, places = 15 }: BudgetLimits = {}): () => Budget {
  const intervalMs = 1000 / callsPerSecond;
  const next = new Map<string, number>();
  const leases = new Map<string, Map<string, number>>();
  return () => {
    const slots = new Map<string, () => Promise<void>>();
    const slotsOf = (api: string) => {
      const reserve = async (count: number, from: number) => {
        const first = Math.max(next.get(api) ?? 0, from);
        next.set(api, first + count * intervalMs);
        return first;
      };
      const made = slots.get(api) ?? callSlots({ intervalMs, reserve });
      slots.set(api, made);
      return made;
    };
    return {
      async call(api, make) {
        await slotsOf(api)();
        return make();
      },
      async place(kind, request, seconds) {
        const taken = new Map([...(leases.get(kind) ?? [])].filter(([other, until]) => other !== request && until > Date.now()));
        if (taken.size >= places) return undefined;
        leases.set(kind, taken.set(request, Date.now() + 1000 * seconds));
        return async () => void leases.get(kind)?.delete(request);
      },
    };
  };
}
