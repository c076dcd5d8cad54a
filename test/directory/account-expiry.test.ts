/** Accounts that expire in a far future, and while polls fail. */
import { expect, test } from 'vitest';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { ada, Polls } from './polls.ts';
import { changed, fileTimeOf } from './rows.ts';

test('GIVEN accountExpires beyond the year 9999 THEN the account is not expired, and its event holds a moment that readers take', async () => {
  const polls = new Polls();
  await polls.firstSync();
  expect(await polls.told(changed(ada, { accountExpires: ['9223372036854775806'] }))).toEqual(['UserExpiryChanged']);
  expect((await polls.row(ada)).expired).toBeFalsy();
  const [event] = polls.eventsOf('UserExpiryChanged');
  if (event === undefined) throw new Error('no event');
  expect(JSON.stringify(event.change)).toContain('9999-12-31T23:59:59.999Z');
  const { Source, DetailType, Detail } = toEntry(event);
  const delivered = { source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) };
  expect(parseEvent(delivered)).toMatchObject({ type: 'UserExpiryChanged' });
});

test('invariant 7: WHEN an account expires while polls fail, of whatever reason, THEN it is expired all the same', async () => {
  const polls = new Polls();
  await polls.firstSync();
  await polls.told(changed(ada, { accountExpires: [fileTimeOf('2025-03-01T11:00:00Z')] }));
  polls.time = Date.parse('2025-03-01T12:00:00Z');
  const connect = async () => {
    throw new Error('the bind secret has no value');
  };
  const told = await polls.since(() => expect(polls.poll({ connect })).rejects.toThrow('the bind secret has no value'));
  expect(told).toEqual(['UserExpired']);
  expect((await polls.row(ada)).expired).toBe(true);
});
