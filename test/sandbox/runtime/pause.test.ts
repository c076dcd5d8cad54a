/** Waiting that is stopped. */
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { orStopped } from '../../../sandbox/runtime/pause.ts';

const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);

afterEach(() => process.off('unhandledRejection', note));

test('GIVEN a wait that is stopped already WHEN what it waits for fails THEN nothing is left unhandled', async () => {
  process.on('unhandledRejection', note);
  expect(await orStopped(Promise.reject(new Error('throttled')), AbortSignal.abort())).toBeUndefined();
  await setImmediate();
  expect(unhandled).toEqual([]);
});

test('fails with what it waits for while nobody stops it', async () => {
  await expect(orStopped(Promise.reject(new Error('throttled')), new AbortController().signal)).rejects.toThrow('throttled');
});
