/** Several domain controllers: one that fails at any point is left for the next, at the saved cursor. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { toEntry } from '../../handlers/events/identity-event.ts';
import { dyingMirror, memoryMirror, substance } from './memory-mirror.ts';
import { ada, bea, Polls, page, staff } from './polls.ts';
import { changed, delta, referenceTo, tombstone, userObject } from './rows.ts';
import type { ScriptedController } from './scripted-directory.ts';

const newcomer = userObject(3, 'Cleo');

/** GIVEN two controllers, and a directory of two pages; then changes in two pages. */
function given(): Polls {
  const polls = new Polls();
  polls.directory.addController('dc2');
  polls.directory
    .set('', page([ada, bea], 'c1', true))
    .set('c1', page([staff], 'c2'))
    .set('c2', page([changed(ada, { userAccountControl: ['514'], lockoutTime: ['133000000000000000'] }), newcomer], 'c3', true))
    .set('c3', page([delta(staff, { membersAdded: [referenceTo(newcomer)] }), tombstone(bea)], 'c4'));
  return polls;
}
const down = (controller: ScriptedController, method: string) =>
  new DirectoryUnreachableError(`search of "${method}" at ldaps://${controller.host} failed: ECONNRESET`);

/** The first snapshot, and what came after it. */
async function bothPolls(): Promise<void> {
  await polls.poll();
  polls.directory.written();
  await polls.poll();
}

let polls: Polls;
beforeEach(() => {
  polls = given();
});

describe('a domain controller that fails in the middle', () => {
  test('WHEN it fails at any search THEN the other brings the rest in the same poll: nothing lost, nothing told twice', async () => {
    await bothPolls();
    const [expected, events] = [substance(polls.mirror.all()), polls.events().map(({ id }) => id)];
    const searches = polls.directory.searches.length;
    expect(searches).toBeGreaterThan(8);
    for (let left = 0; left < searches; left += 1) {
      polls = given();
      let count = 0;
      polls.directory.beforeSearch = (method, controller) => {
        count += 1;
        if (controller === polls.directory.dc1 && count > left) throw down(controller, method);
      };
      await bothPolls();
      expect(substance(polls.mirror.all()), `failed at search ${left}`).toEqual(expected);
      expect(
        polls.events().map(({ id }) => id),
        `failed at search ${left}`,
      ).toEqual(events);
      expect(polls.codes).toContain('CONTROLLER_FAILED');
    }
  });

  test('THEN the next goes on from the saved cursor, not from the beginning', async () => {
    polls.directory.beforeSearch = (method, controller) => {
      if (controller === polls.directory.dc1 && polls.directory.asked.length === 1 && method === 'changesSince')
        throw down(controller, method);
    };
    await polls.poll();
    expect(polls.directory.asked).toEqual(['', 'c1']);
    expect(polls.directory.searches).toContain('changesSince dc2.corp.example.com');
  });

  test('WHEN the mirror lacks an object, and the full sync fails at the first, THEN the second does it', async () => {
    await polls.poll();
    polls.directory.set('c2', page([changed(newcomer, { mail: ['c@example.com'] })], 'c3'));
    polls.directory.beforeSearch = (method, controller) => {
      if (controller === polls.directory.dc1 && method === 'changesSince' && polls.directory.asked.at(-1) === 'c2')
        throw down(controller, method);
    };
    polls.directory.set('', page([ada, bea, staff, newcomer], 'c9'));
    expect(await polls.since(polls.poll)).toContain('UserCreated');
    expect(polls.cursor.cookie.toString()).toBe('c9');
  });

  test('WHEN the first went back, and fails before it has told everything, THEN the second goes on where the cursor was', async () => {
    await bothPolls();
    polls.directory.dc1.usn = 1n;
    polls.directory.asked.length = 0;
    polls.directory.beforeSearch = (method, controller) => {
      if (controller === polls.directory.dc1 && method === 'changesSince') throw down(controller, method);
    };
    await polls.poll();
    expect(polls.directory.asked).toEqual(['c4']);
    // AND the first is still known as the one that went back
    polls.directory.beforeSearch = () => {};
    polls.directory.asked.length = 0;
    await polls.poll();
    expect(polls.directory.asked[0]).toBe('');
  });

  test('WHEN an unknown one is asked THEN the cookie is kept, and what it lacks is asked for', async () => {
    await bothPolls();
    polls.directory.dc1.down = true;
    polls.directory.asked.length = 0;
    await polls.poll();
    expect(polls.directory.asked).toEqual(['c4']);
    expect(Object.keys(polls.cursor.controllers)).toEqual(['dc1.corp.example.com', 'dc2.corp.example.com']);
    // AND when the first is back, it is asked although nothing was written on it since: the cookie is the other's, who may have known less
    polls.directory.dc1.down = false;
    expect(await polls.poll()).toMatchObject({ pages: 1 });
    expect(await polls.poll()).toMatchObject({ pages: 0 });
  });
});

describe('an outage of all', () => {
  const failAll = (method: string, controller: ScriptedController) => {
    if (method === 'changesSince') throw down(controller, method);
  };

  test('fails naming the reason of each, told once, and the recovery once', async () => {
    await polls.poll();
    polls.directory.written();
    polls.directory.beforeSearch = failAll;
    const mark = polls.types().length;
    for (let round = 0; round < 3; round += 1) {
      await expect(polls.poll()).rejects.toThrow(/ldaps:\/\/dc1\S* failed: ECONNRESET; .*ldaps:\/\/dc2\S* failed: ECONNRESET/);
      polls.time += 60_000;
    }
    polls.directory.beforeSearch = () => {};
    await polls.poll();
    expect(
      polls
        .types()
        .slice(mark)
        .filter((type) => type.startsWith('Directory')),
    ).toEqual(['DirectoryUnreachable', 'DirectoryRecovered']);
    expect(polls.eventsOf('DirectoryUnreachable')[0]?.change.reason).toMatch(/dc1.*dc2/);
  });

  test('fails, when a server answers with 300,000 characters, and its event fits an entry of EventBridge all the same', async () => {
    await polls.poll();
    polls.directory.beforeSearch = () => {
      throw new DirectoryUnreachableError(`dc1 says ${'x'.repeat(300_000)}`);
    };
    await expect(polls.poll()).rejects.toThrow('dc1 says');
    const [event] = polls.eventsOf('DirectoryUnreachable');
    if (event === undefined) throw new Error('no event');
    expect(event.change.reason).toMatch(/dc1 says x+$/);
    expect(Buffer.byteLength(JSON.stringify(toEntry(event)))).toBeLessThan(256 * 1024);
  });

  test('fails, when one refuses connections and the other fails in the middle, with both reasons', async () => {
    polls.directory.dc1.down = true;
    polls.directory.beforeSearch = failAll;
    await expect(polls.poll()).rejects.toThrow(/dc2\S* failed: ECONNRESET; .*dc1.corp.example.com: ECONNREFUSED/);
  });

  test('WHEN the poll that recovers dies after any write THEN the recovery is told all the same, and so is the next outage', async () => {
    for (let calls = 0; calls < 14; calls += 1) {
      polls = given();
      polls.mirror = memoryMirror(polls.now);
      await polls.poll();
      polls.directory.written();
      polls.directory.beforeSearch = failAll;
      await expect(polls.poll()).rejects.toThrow('ECONNRESET');
      polls.directory.beforeSearch = () => {};
      polls.time += 60_000;
      await polls.poll({ mirror: dyingMirror(polls.mirror, calls) }).catch(() => undefined);
      polls.time += 300_001;
      await polls.poll();
      polls.directory.beforeSearch = (method, controller) => {
        throw down(controller, method);
      };
      await expect(polls.poll()).rejects.toThrow('ECONNRESET');
      const told = polls.types().filter((type) => type === 'DirectoryUnreachable' || type === 'DirectoryRecovered');
      expect(told, `killed after ${calls} writes`).toEqual(['DirectoryUnreachable', 'DirectoryRecovered', 'DirectoryUnreachable']);
    }
  });
});
