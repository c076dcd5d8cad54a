/** Domain controllers that have not heard yet what another one told: what they lack is neither undone nor lost. */
import { beforeEach, describe, expect, test } from 'vitest';
import { CookieRefusedError, type DirectorySource } from '../../handlers/directory/directory-source.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { changed, userObject } from './rows.ts';
import type { ScriptedController } from './scripted-directory.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const disabledAda = changed(ada, { userAccountControl: ['514'] });

test('GIVEN a cookie of a controller that lagged WHEN the one read before is back, unchanged, THEN it is asked again', async () => {
  const polls = new Polls();
  const { dc1 } = polls.directory;
  polls.directory.addController('dc2');
  await polls.firstSync();
  expect(await polls.told(disabledAda)).toEqual(['UserDisabled']);
  // dc1 is away; dc2 has not heard of it, and refuses the cookie: all is read there
  const { usn } = dc1;
  dc1.down = true;
  polls.directory.set('c1+', new CookieRefusedError('refused')).set('', page([ada, bea, staff], 'd1'));
  polls.time += minuteMs;
  await polls.poll();
  expect(polls.cursor.cookie.toString()).toBe('d1');
  // dc1 is back, nothing was written there since; it tells dc2's cookie what dc2 lacked
  dc1.down = false;
  polls.directory.set('d1', page([disabledAda], 'd2'));
  dc1.usn = usn;
  polls.time += minuteMs;
  await polls.poll();
  expect(polls.cursor.cookie.toString()).toBe('d2');
  expect((await polls.row(ada)).attributes.userAccountControl).toEqual(['514']);
  // AND once it gave the cookie itself, quiet means quiet again
  polls.time += minuteMs;
  expect(await polls.poll()).toMatchObject({ pages: 0 });
});

describe('invariant 3: GIVEN what one controller told shortly before another is read', () => {
  const cleo = userObject(3, 'Cleo');
  let polls: Polls;
  let dc2: ScriptedController;

  beforeEach(async () => {
    polls = new Polls({ mode: 'object-security', verifyEveryHours: 1 });
    dc2 = polls.directory.addController('dc2');
    await polls.firstSync();
    await polls.settle();
    await readAtDc2();
    const { usn } = dc2;
    await polls.told(disabledAda, cleo);
    dc2.usn = usn;
  });

  async function readAtDc2(): Promise<void> {
    polls.directory.dc1.down = true;
    dc2.usn += 1n;
    polls.time += minuteMs;
    await polls.poll();
    polls.directory.dc1.down = false;
  }

  /** dc2 before it heard that Ada was disabled and Cleo created. */
  function lagging(): DirectorySource {
    const source = polls.directory.source(dc2);
    return {
      ...source,
      lookUp: async (guids) => {
        const found = (await source.lookUp(guids)).filter(({ guid }) => guid !== cleo.guid);
        return found.map((object) =>
          object.guid === ada.guid ? { ...object, attributes: { ...object.attributes, userAccountControl: ['512'] } } : object,
        );
      },
      existence: async (guid) => (guid === cleo.guid ? 'none' : source.existence(guid)),
    };
  }

  test('WHEN verification asks the other THEN nothing of it is undone or deleted', async () => {
    polls.directory.dc1.down = true;
    polls.time += hourMs + minuteMs;
    expect(await polls.since(() => polls.poll({ connect: async () => lagging() }))).toEqual([]);
    expect(polls.codes.filter((code) => code === 'VERIFIED').length).toBeGreaterThan(1);
    expect((await polls.row(ada)).attributes.userAccountControl).toEqual(['514']);
    expect((await polls.row(cleo)).deleted).toBe(false);
  });

  test('WHEN it is older than replication takes THEN what is gone by then is found', async () => {
    polls.time += 24 * hourMs;
    polls.directory.vanish(cleo.guid);
    polls.directory.dc1.down = true;
    expect(await polls.since(() => polls.settle())).toEqual(['UserDeleted']);
  });
});
