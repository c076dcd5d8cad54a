/** Waiting for what Identity Center works on. */
import { setTimeout } from 'node:timers/promises';
import { ConflictException } from '@aws-sdk/client-sso-admin';
import { RetryableError } from '../../../platform/errors.ts';

/** 100 ms, then twice as long each time, up to 2 seconds: most of Identity Center's work takes a few seconds. */
const pauseMs = (attempt: number): number => Math.min(100 * 2 ** attempt, 2000);

/**
 * Asks until there is an answer.
 *
 * @throws RetryableError when there is none within `seconds`
 */
export async function answered<T>(what: string, seconds: number, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 1000 * seconds;
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() + pauseMs(attempt) > deadline)
      throw new RetryableError(`${what} did not come within ${seconds} seconds: it is looked at again later`);
    await setTimeout(pauseMs(attempt));
  }
}

/**
 * Makes a call again while an earlier change of the same thing is under way: the remedy that the API reference gives for a
 * ConflictException of IAM Identity Center.
 */
export const afterOthers = async <T>(what: string, seconds: number, call: () => Promise<T>): Promise<T> => {
  const { value } = await answered(what, seconds, async () => {
    try {
      return { value: await call() };
    } catch (error) {
      if (error instanceof ConflictException) return undefined;
      throw error;
    }
  });
  return value;
};
