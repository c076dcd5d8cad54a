/**
 * The chain of events that a function works on. Each line that is logged meanwhile carries the chain's id, whoever logs it, so that one query
 * over all log groups shows the way of a change.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<string>();

/** Runs the work; what it logs, now or later, carries the id. */
export const inChain = <T>(id: string | undefined, work: () => T): T => (id === undefined ? work() : current.run(id, work));

export function currentChain(): { readonly correlationId?: string } {
  const correlationId = current.getStore();
  return correlationId === undefined ? {} : { correlationId };
}

/** What a message may tell of its chain, of which nothing has been checked yet. */
interface Told {
  readonly id?: unknown;
  readonly cause?: { readonly id?: unknown; readonly root?: { readonly id?: unknown } };
}

/** The chain that a message belongs to: an event of the bus, or a message with a cause. Undefined for one that belongs to none, or that cannot be read. */
export function chainOf(body: string): string | undefined {
  let message: (Told & { readonly detail?: Told }) | null;
  try {
    message = JSON.parse(body);
  } catch {
    // Whoever handles the message says that it is no JSON.
    return undefined;
  }
  // A signal of others has no id in its detail: EventBridge's own is the cause of what follows.
  const ids = [message?.detail, message].flatMap((told) => [told?.cause?.root?.id, told?.cause?.id, told?.id]);
  return ids.find((id): id is string => typeof id === 'string' && id !== '');
}
