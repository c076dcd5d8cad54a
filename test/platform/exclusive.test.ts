/** One at a time for a key. */
import { expect, test } from 'vitest';
import { exclusive } from '../../handlers/platform/exclusive.ts';

const pause = () => new Promise((resolve) => setImmediate(resolve));

test('GIVEN work for one key and for another WHEN started at once THEN only that of one key waits, also after a failure', async () => {
  const alone = exclusive();
  const seen: string[] = [];
  const work =
    (name: string, fails = false) =>
    async () => {
      seen.push(`${name} begins`);
      await pause();
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const results = await Promise.allSettled([alone('a', work('first', true)), alone('a', work('second')), alone('b', work('other'))]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
  expect(seen.indexOf('second begins')).toBeGreaterThan(seen.indexOf('first ends'));
  expect(seen.indexOf('other begins')).toBeLessThan(seen.indexOf('first ends'));
  expect(await alone('a', work('later'))).toBe('later');
});
