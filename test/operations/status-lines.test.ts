/** What the status makes of what was read. */
import { describe, expect, it } from 'vitest';
import type { RotationEntry } from '../../handlers/credentials/rotation-ledger.ts';
import { pageFor } from '../../handlers/operations/status-command/alarm-lines.ts';
import { span } from '../../handlers/operations/status-command/line.ts';
import { statusLines, worstOf } from '../../handlers/operations/status-command/lines.ts';
import type { DirectoryReading, Readings, TargetReading } from '../../handlers/operations/status-command/readings.ts';
import {
  alarms,
  audit,
  cursor,
  directory,
  entry,
  functions,
  known,
  minutesAgo,
  now,
  settings,
  target,
  unknown,
  well,
} from './status-readings.ts';

const wrong = (readings: Readings) =>
  statusLines(readings, now)
    .filter(({ status }) => status !== 'ok')
    .map(({ status, of, fact, page }) => `${status} ${of}: ${fact} (${page?.replace(/^docs\/(?:runbooks\/)?/, '')})`);

const ofDirectory = (change: Partial<typeof cursor> & object, status: object = {}): Readings => ({
  ...well,
  directories: [
    { ...directory, state: known({ cursor: { ...cursor, ...change }, status: { reachable: true, since: minutesAgo(9_000), ...status } }) },
  ] as DirectoryReading[],
});
const ofTarget = (change: Partial<TargetReading>): Readings => ({ ...well, targets: [{ ...target, ...change }] });
const ofCredential = (change: Partial<RotationEntry>): Readings => ({
  ...well,
  credentials: [{ functionName: 'f', credentials: known([{ settings, entry: { ...entry, ...change } }]) }],
});
const ofQueue = (name: string, messages: number, ageSeconds?: number): Readings => ({
  ...well,
  queues: known([{ name, messages, ageSeconds }]),
});

const guard = (change: object = {}) => ({
  id: '3f9c0a17be42',
  since: minutesAgo(60),
  expiresAt: minutesAgo(-180),
  limit: { window: 'hour', counted: 'revocations', count: 101, most: 100, share: 0.1, held: 400 } as const,
  ...change,
});
const finding = (outcome: 'healing' | 'held-back' | 'needs-person') => ({ kind: 'membership-extra', detail: 'd', outcome }) as const;

describe('the status', () => {
  it('GIVEN all is well THEN every line says so, with a fact and no page', () => {
    const lines = statusLines(well, now);
    expect(wrong(well)).toEqual([]);
    expect(worstOf(lines)).toBe('ok');
    expect(lines.map(({ of, fact }) => `${of}: ${fact}`)).toEqual([
      'directory corp.example.com: was up to date 30 s ago',
      'cursor of corp.example.com: reads on; verified 60 min ago',
      'guard of wiki: holds nothing back',
      'changes at wiki: none failed in the last 15 min',
      'drift at wiki: compared 40 min ago: 0 differences',
      'queues: 2 messages on the way in 1 queue',
      'dead letters: none in 1 queue',
      'functions: none of 1 failed in the last 15 min',
      'credential build: rotated 10 d ago, due in 20 d',
      'audit trail: closed up to hour 2025-03-10T10, which ended 60 min ago',
      'alarms: none of 40 rings',
    ]);
    expect(lines.every(({ page }) => page === undefined)).toBe(true);
  });

  it.each<[string, Readings, readonly string[]]>([
    [
      'a directory that is unreachable',
      ofDirectory(
        { unreachableSince: minutesAgo(12) as never },
        { reachable: false, since: minutesAgo(12), reason: 'no domain controller answers' },
      ),
      ['broken directory corp.example.com: unreachable for 12 min: no domain controller answers (directory-unreachable.md)'],
    ],
    [
      'a lag beyond the alarm’s',
      ofDirectory({ polledAt: minutesAgo(3) }),
      ['broken directory corp.example.com: was up to date 3 min ago (directory-unreachable.md)'],
    ],
    [
      'a directory that was never polled',
      { ...well, directories: [{ ...directory, state: known({ cursor: undefined, status: undefined }) }] },
      ['attention directory corp.example.com: was never polled to an end (directory-unreachable.md)'],
    ],
    [
      'a full sync without end',
      ofDirectory({ fullSync: { run: minutesAgo(420), learning: [] } as never }),
      ['attention cursor of corp.example.com: a full sync began 7 h ago (cursor-reset.md)'],
    ],
    ['a full sync that runs', ofDirectory({ fullSync: { run: minutesAgo(20), learning: [] } as never }), []],
    [
      'a scope that names what is not there',
      ofDirectory({ scopeUnknown: true } as never),
      ['attention cursor of corp.example.com: the scope names a group or unit that is not there (SCOPE_UNKNOWN) (deleted-ou.md)'],
    ],
    [
      'what a directory’s guard holds back',
      ofDirectory({
        heldBack: { approval: 'a1b2', run: undefined, gone: { objects: 12, memberships: 1 }, expiresAt: minutesAgo(-120) } as never,
      }),
      ['attention guard of corp.example.com: a1b2 holds back 12 objects and 1 membership that are gone, expires in 2 h (guard-tripped.md)'],
    ],
    [
      'a guard that tripped',
      ofTarget({ guard: known({ tripped: guard(), staged: 43 }) }),
      ['attention guard of wiki: 3f9c0a17be42 holds back 43 removals, expires in 3 h (guard-tripped.md)'],
    ],
    [
      'a guard that expired',
      ofTarget({ guard: known({ tripped: guard({ expiresAt: minutesAgo(5) }), staged: 1 }) }),
      ['attention guard of wiki: 3f9c0a17be42 holds back 1 removal, and expired undecided 5 min ago (guard-tripped.md)'],
    ],
    [
      'a guard whose decision is carried out',
      ofTarget({
        guard: known({ tripped: guard({ decision: { id: 'd', outcome: 'approved', by: 'b', staged: 1, at: minutesAgo(1) } }), staged: 1 }),
      }),
      [],
    ],
    ['changes that fail', ofTarget({ failures: known(3) }), ['attention changes at wiki: 3 failures in the last 15 min (target-down.md)']],
    [
      'a target that is not compared any more',
      ofTarget({ drift: known({ completed: minutesAgo(300), findings: [] }) }),
      ['attention drift at wiki: compared 5 h ago (target-down.md)'],
    ],
    ['a target that was just deployed', ofTarget({ deployedAt: minutesAgo(5), drift: known({ completed: undefined, findings: [] }) }), []],
    [
      'drift for a person, and drift that is held back',
      ofTarget({
        drift: known({ completed: minutesAgo(40), findings: [finding('healing'), finding('needs-person'), finding('held-back')] }),
      }),
      [
        'attention drift at wiki: compared 40 min ago: 1 difference for a person to mend (roles-and-targets.md)',
        'attention drift at wiki: compared 40 min ago: 1 difference held back by the guard (guard-tripped.md)',
      ],
    ],
    [
      'a message before a target that is too old',
      ofQueue('ad-lambda-prod-sync-roles-wiki.fifo', 7, 900),
      ['attention queue ad-lambda-prod-sync-roles-wiki.fifo: 7 messages, the oldest for 15 min (target-down.md)'],
    ],
    [
      'a message that is stuck',
      ofQueue('ad-lambda-prod-record-audit', 1, 7_200),
      ['broken queue ad-lambda-prod-record-audit: 1 message, the oldest for 2 h (dead-letter-queue.md)'],
    ],
    [
      'a dead letter',
      ofQueue('ad-lambda-prod-sync-roles-wiki-dead-letters.fifo', 1),
      ['broken dead letters ad-lambda-prod-sync-roles-wiki-dead-letters.fifo: 1 message (dead-letter-queue.md)'],
    ],
    [
      'a credential that fails',
      ofCredential({ failure: 'id' }),
      ['broken credential build: failed, and no rotation succeeded since (CREDENTIAL_ROTATION_FAILED) (rotation-failed.md)'],
    ],
    [
      'a credential that is overdue',
      ofCredential({ rotated: { version: 'v1', at: minutesAgo(33 * 1440) } }),
      ['attention credential build: rotated 33 d ago, overdue for 3 d (rotation-failed.md)'],
    ],
    [
      'a rotation that does not end',
      ofCredential({ attempt: { version: 'v2', since: minutesAgo(30), subject: {} as never } }),
      ['attention credential build: a rotation began 30 min ago and has not ended (rotation-failed.md)'],
    ],
    [
      'functions that fail, are stopped or are gone',
      {
        ...well,
        functions: known({
          all: [...functions.all, { name: 'x', stopped: 'source', errors: 2 }, { name: 'y', stopped: 'concurrency', errors: 0 }],
          missing: ['ad-lambda-prod-close-audit'],
        }),
      },
      [
        'broken function ad-lambda-prod-close-audit: is not there: deploy the environment again (README.md)',
        'attention function x: is stopped: what invokes it is disabled (break-glass.md)',
        'attention function x: 2 failures in the last 15 min (dead-letter-queue.md)',
        'attention function y: is stopped: it may not run at all (reserved concurrency 0) (break-glass.md)',
      ],
    ],
    [
      'a trail with missing files',
      { ...well, audit: known({ ...audit, missing: ['records/a.json', 'records/b.json'] }) },
      ['broken audit trail: 2 files missing when the hour was closed, first records/a.json (audit-trail-broken.md)'],
    ],
    [
      'hours that are not closed',
      { ...well, audit: known({ ...audit, newest: '2025-03-10T08' }) },
      ['attention audit trail: closed up to hour 2025-03-10T08, which ended 3 h ago (audit-trail-broken.md)'],
    ],
    [
      'a digest of an hour that is not over, which keeps the next from being closed',
      { ...well, audit: known({ ...audit, newest: '2099-01-01T00' }) },
      ['broken audit trail: hour 2099-01-01T00 is closed, and is not over (audit-trail-broken.md)'],
    ],
    [
      'hours that were never closed',
      { ...well, audit: known({ ...audit, newest: undefined, firstHour: '2025-03-10T01' }) },
      ['attention audit trail: no hour is closed yet, records are there since 2025-03-10T01 (audit-trail-broken.md)'],
    ],
    [
      'no alarm that could ring',
      { ...well, alarms: known({ ...alarms, count: 0 }) },
      ['broken alarms: there is none: deploy the environment again (README.md)'],
    ],
    [
      'an alarm that rings',
      { ...well, alarms: known({ ...alarms, ringing: [{ name: 'ad-lambda-prod-audit-trail-broken', since: minutesAgo(4) }] }) },
      ['attention alarm ad-lambda-prod-audit-trail-broken: began to ring 4 min ago (audit-trail-broken.md)'],
    ],
  ])('GIVEN %s THEN it is told, with its page', (_, readings, expected) => {
    expect(wrong(readings)).toEqual(expected);
  });

  it('fails to find out: GIVEN any part that could not be read THEN it is unknown, and never well', () => {
    const denied = unknown('AccessDeniedException: not authorized');
    const parts: readonly Readings[] = [
      { ...well, functions: denied },
      { ...well, directories: [{ ...directory, state: denied }] },
      ofTarget({ guard: denied }),
      ofTarget({ drift: denied }),
      ofTarget({ failures: denied }),
      { ...well, queues: denied },
      { ...well, credentials: [{ functionName: 'f', credentials: denied }] },
      { ...well, alarms: denied },
      { ...well, audit: denied },
    ];
    for (const readings of parts) {
      expect(wrong(readings)).toEqual([expect.stringMatching(/^unknown .+: AccessDeniedException: not authorized \(README\.md\)$/)]);
      expect(worstOf(statusLines(readings, now))).toBe('unknown');
    }
  });

  it('GIVEN what is broken, what needs attention and what is not known THEN the worst comes first', () => {
    const lines = statusLines(
      { ...ofTarget({ failures: known(1) }), audit: unknown('x'), queues: ofQueue('q-dead-letters', 1).queues },
      now,
    );
    expect(lines.slice(0, 4).map(({ status }) => status)).toEqual(['broken', 'attention', 'unknown', 'ok']);
    expect(worstOf(lines)).toBe('broken');
  });

  it('GIVEN a name of an alarm THEN its page is the one about it, and the index where there is none', () => {
    expect(pageFor('ad-lambda-prod-sync-roles-wiki-dead-letters.fifo-not-empty')).toBe('docs/runbooks/dead-letter-queue.md');
    expect(pageFor('ad-lambda-prod-detect-changes-corp-guard-tripped')).toBe('docs/runbooks/guard-tripped.md');
    expect(pageFor('ad-lambda-prod-something-else')).toBe('docs/runbooks/README.md');
  });

  it.each([
    [0, '0 s'],
    [119, '119 s'],
    [120, '2 min'],
    [7_199, '119 min'],
    [7_200, '2 h'],
    [172_800, '2 d'],
    [-5, '0 s'],
  ])('GIVEN %d seconds THEN a person reads %s', (seconds, text) => {
    expect(span(seconds)).toBe(text);
  });
});
