/** A deployment in which all is well, for tests to spoil. */
import { parseCredentialSettings } from '../../handlers/credentials/credential-settings.ts';
import type { Reading, Readings } from '../../handlers/operations/status-command/readings.ts';

export const now = new Date('2025-03-10T12:00:00.000Z');
/** So many minutes before now, ISO 8601. */
export const minutesAgo = (minutes: number): string => new Date(now.getTime() - minutes * 60_000).toISOString();

export const known = <T>(value: T): Reading<T> => ({ known: true, value });
export const unknown = (reason: string): Reading<never> => ({ known: false, reason });

export const cursor = {
  polledAt: minutesAgo(0.5),
  unreachableSince: undefined,
  snapshot: undefined,
  fullSync: undefined,
  verification: undefined,
  verifiedAt: minutesAgo(60),
  heldBack: undefined,
};
export const directory = {
  domain: 'corp.example.com',
  functionName: 'ad-lambda-prod-detect-changes-corp',
  state: known({ cursor, status: { reachable: true, since: minutesAgo(9_000) } }),
};
export const target = {
  name: 'wiki',
  deployedAt: minutesAgo(9_000),
  everyMinutes: 60,
  guard: known(undefined),
  drift: known({ completed: minutesAgo(40), findings: [] }),
  failures: known(0),
};
export const settings = parseCredentialSettings(
  JSON.stringify({
    name: 'build',
    store: { secretsManager: { secretArn: 'arn:aws:secretsmanager:eu-central-2:111122223333:secret:build-a1b2c3' } },
    strategy: { kind: 'single', account: 'svc-build' },
    everyDays: 30,
    password: { length: 32, alphabet: 'safe' },
    test: {},
    replicationSeconds: 0,
  }),
);
export const entry = { name: 'build', version: 3, known: {}, rotated: { version: 'v1', at: minutesAgo(14_400) } };
export const functions = { all: [{ name: 'ad-lambda-prod-reconcile-wiki', stopped: undefined, errors: 0 }], missing: [] };
export const alarms = { count: 40, ringing: [], lagLimits: new Map([[directory.functionName, 150]]) };
export const audit = { newest: '2025-03-10T10', unreadable: [], missing: [], firstHour: undefined };
export const queues = [
  { name: 'ad-lambda-prod-sync-roles-wiki.fifo', messages: 2, ageSeconds: 3 },
  { name: 'ad-lambda-prod-sync-roles-wiki-dead-letters.fifo', messages: 0, ageSeconds: undefined },
];

export const well: Readings = {
  functions: known(functions),
  directories: [directory],
  targets: [target],
  queues: known(queues),
  credentials: [{ functionName: 'ad-lambda-prod-rotate-credential-corp', credentials: known([{ settings, entry }]) }],
  alarms: known(alarms),
  audit: known(audit),
};
