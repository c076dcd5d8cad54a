/** Random sequences of directory operations and polls at a real domain controller, with the function killed at random calls. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { someOf } from '../thorough.ts';
import { Play } from './directory-play.ts';
import { operations, type Step, walk } from './directory-walk.ts';
import type { Failure } from './killed-function.ts';
import { type SambaPolls, startSambaPolls } from './samba-polls.ts';

/** The same walks in every run, or those of another seed. */
const numRuns = Number(process.env.WALK_RUNS ?? someOf(60));
const seed = Number(process.env.WALK_SEED ?? 20_250_301);

let host: SambaPolls;
let walks = 0;
const taken: Record<string, number> = {};
const failures = { killed: 0, 'cut-off': 0 };

beforeAll(async () => {
  host = await startSambaPolls();
});

afterAll(async () => {
  await host?.stop();
});

async function brokenLaws(steps: readonly Step[]): Promise<readonly string[]> {
  walks += 1;
  const play = new Play(host, `w${walks}n`);
  const broken = await play.play(steps);
  for (const [operation, count] of Object.entries(play.walker.taken)) taken[operation] = (taken[operation] ?? 0) + count;
  failures.killed += play.failures.killed;
  failures['cut-off'] += play.failures['cut-off'];
  return broken;
}

const killed = (of: 'write' | 'release', effect: Failure['effect']): Step => ({
  do: 'poll',
  failure: { kind: 'killed', of, call: 0, effect },
});
const cut: Step = { do: 'poll', failure: { kind: 'cut-off', of: 'adminSdHolder', call: 0, effect: 'none' } };
const polled: Step = { do: 'poll', failure: undefined };

/** Each was the least walk of its kind that broke a law. At their beginning the first user is a member of the first group. */
const brokeOnce: readonly (readonly [string, readonly Step[]])[] = [
  [
    'another primary group, the account written and its memberships not',
    [polled, { do: 'primary', user: 0, group: 0 }, killed('write', 'objects')],
  ],
  [
    'a member that is deleted, its membership written by the first snapshot and itself not',
    [killed('write', 'edges'), { do: 'delete', object: 2 }],
  ],
  [
    'a group that is deleted, its members written by the first snapshot and itself not',
    [killed('write', 'edges'), { do: 'delete', object: 4 }],
  ],
  [
    'a member that is deleted and restored before the first snapshot is read again',
    [killed('write', 'edges'), { do: 'delete', object: 2 }, { do: 'restore', object: 0, to: 0 }],
  ],
  [
    'the same, with the snapshot told and its cursor lost, and a membership that goes on by primaryGroupID',
    [{ do: 'primary', user: 0, group: 0 }, killed('release', 'none'), { do: 'delete', object: 2 }, { do: 'restore', object: 0, to: 0 }],
  ],
  [
    'the same, with the connection cut after the rows were written, twice',
    [cut, cut, { do: 'delete', object: 2 }, { do: 'restore', object: 0, to: 0 }],
  ],
  [
    'a group that is restored and becomes a primary group',
    [
      polled,
      { do: 'delete', object: 4 },
      { do: 'restore', object: 0, to: 0 },
      { do: 'primary', user: 0, group: 1 },
      { do: 'primary', user: 1, group: 0 },
    ],
  ],
];

describe('GIVEN a walk that broke a law once', () => {
  test.each(brokeOnce)('%s THEN all laws hold', async (_, steps) => {
    expect(await brokenLaws(steps)).toEqual([]);
  });
});

describe('GIVEN a directory that changes at random, and a function that is killed at random calls', () => {
  test('THEN the mirror equals an independent read, and the events in any order, repeated, lead to it', { timeout: 300_000 }, async () => {
    console.log(`${numRuns} walks of seed ${seed}; WALK_RUNS and WALK_SEED take others`);
    const law = fc.asyncProperty(walk, async (steps) => {
      expect(await brokenLaws(steps)).toEqual([]);
    });
    await fc.assert(law, { numRuns, seed, interruptAfterTimeLimit: 280_000, markInterruptAsFailure: true });
    console.log(`taken ${JSON.stringify(taken)}, failures ${JSON.stringify(failures)}`);
    // A walk that the directory refuses altogether would prove nothing.
    expect(Object.keys(taken)).toEqual(expect.arrayContaining([...operations]));
    expect(failures.killed).toBeGreaterThan(0);
    expect(failures['cut-off']).toBeGreaterThan(0);
  });
});
