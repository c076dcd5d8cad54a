/** The identity store as the adapter calls it: within the budget, each attempt of a call in a slot of its own. */
import { type IdentitystoreClient, ResourceNotFoundException } from '@aws-sdk/client-identitystore';
import type { FinalizeRequestMiddleware, MiddlewareStack } from '@smithy/types';
import type { Budget } from '../../budget.ts';

export interface Store {
  readonly client: Pick<IdentitystoreClient, 'send'>;
  readonly IdentityStoreId: string;
}

/**
 * Puts the budget inside the SDK's own retries, so that no attempt is made without a slot.
 *
 * @param apiOf names the quota that an operation counts against
 */
export function withinBudget<Input extends object, Output extends object>(
  stack: MiddlewareStack<Input, Output>,
  budget: Pick<Budget, 'call'>,
  apiOf: (operation: string) => string,
): void {
  const middleware: FinalizeRequestMiddleware<Input, Output> =
    (next, { commandName = '' }) =>
    (args) =>
      budget.call(apiOf(commandName.replace(/Command$/, '')), () => next(args));
  stack.addRelativeTo(middleware, { relation: 'after', toMiddleware: 'retryMiddleware', name: 'callBudget' });
}

/** What a client that waits for its budget needs: throttles are rare then, and another attempt waits for another slot. */
export const retries = { retryMode: 'standard', maxAttempts: 5 } as const;

export async function absentAsUndefined<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}
