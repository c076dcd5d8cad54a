/** `npm run bench -- credentials`: what a rotation takes, whether consumers notice, and whether a password is left anywhere. */
import type { CredentialProps } from '../../modules/credentials/credential-props.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { type RotatingSandbox, resetBy, rotatingSandbox } from '../credentials/rotating-sandbox.ts';
import { searchForSecrets } from '../credentials/secret-search.ts';
import { type Bench, type Figure, median, quantile } from './figure.ts';

const rounds = 20;
const rotationBoundMs = 2_000;

const pairs = 100;
const pairsBoundMs = 10 * 60_000;
const consumerEveryMs = 100;
/** Rotations that are begun at once: Secrets Manager begins each on its own schedule. */
const atOnce = 4;

const parts: Readonly<Record<string, (progress: Progress) => Promise<readonly Figure[]>>> = {
  rotation: oneAccount,
  consumer: manyAccounts,
};

export const credentialsBench: Bench = async (progress, only) => {
  const figures: Figure[] = [];
  for (const [name, part] of Object.entries(parts)) if (only === undefined || only === name) figures.push(...(await part(progress)));
  return figures;
};

const milliseconds = (value: number): string => `${Math.round(value)} ms`;

/** From RotateSecret until consumers read the new version, through the real zip, Secrets Manager's four steps and a real domain controller. */
async function oneAccount(progress: Progress): Promise<readonly Figure[]> {
  const some: readonly CredentialProps[] = [
    { name: 'reset', strategy: { kind: 'reset', account: 'svc-reset-only', resetBy } },
    { name: 'alternating', strategy: { kind: 'alternating', accounts: ['svc-turn-a', 'svc-turn-b'], resetBy } },
  ];
  const sandbox = await progress.step('start a sandbox with three credentials', () => rotatingSandbox(some));
  try {
    const figures: Figure[] = [];
    // The policy lets nobody change a password on its first day: of the account that changes its own, one rotation a run is what there is.
    for (const { name, count } of [
      { name: 'password-reset', count: 1 },
      { name: 'reset', count: rounds },
      { name: 'alternating', count: rounds },
    ]) {
      const times = await progress.step(`${count} rotations of ${name}`, () => repeated(sandbox, name, count));
      const { strategy } = credentialNamed(sandbox, name).settings;
      const longest = Math.max(...times);
      figures.push({
        what: `rotation of one account, ${strategy.kind}: longest of ${count}`,
        measured: milliseconds(longest),
        detail: `median ${milliseconds(median(times))}, p90 ${milliseconds(quantile(times, 0.9))}; the domain controller's own part ${milliseconds(await bareChange(sandbox, name))}`,
        bound: `≤ ${milliseconds(rotationBoundMs)}`,
        holds: longest <= rotationBoundMs,
      });
    }
    return [...figures, await nowhere(progress, sandbox)];
  } finally {
    await sandbox.played.stop();
  }
}

function credentialNamed({ credentials }: RotatingSandbox, name: string) {
  const found = credentials.find(({ settings }) => settings.name === name);
  if (found === undefined) throw new Error(`the sandbox has no credential "${name}"`);
  return found;
}

async function repeated(sandbox: RotatingSandbox, name: string, count: number): Promise<readonly number[]> {
  const credential = credentialNamed(sandbox, name);
  const times: number[] = [];
  for (let round = 1; round <= count; round += 1) times.push(await sandbox.rotate(credential));
  if (!(await sandbox.binds(await sandbox.read(credential)))) throw new Error(`what consumers read of ${name} does not log on`);
  return times;
}

/** The baseline: two binds, as a rotation makes at the very least. */
async function bareChange(sandbox: RotatingSandbox, name: string): Promise<number> {
  const login = await sandbox.read(credentialNamed(sandbox, name));
  const times: number[] = [];
  for (let round = 1; round <= 5; round += 1) {
    const began = performance.now();
    await sandbox.binds(login);
    await sandbox.binds(login);
    times.push(performance.now() - began);
  }
  return median(times);
}

/** A consumer that always reads what is current, and logs on with it every 100 ms, while a hundred pairs of accounts rotate. */
async function manyAccounts(progress: Progress): Promise<readonly Figure[]> {
  const some = Array.from({ length: pairs }, (_, index): CredentialProps => {
    const number = String(index + 1).padStart(3, '0');
    return { name: `pair-${number}`, strategy: { kind: 'alternating', accounts: [`svc-${number}-a`, `svc-${number}-b`], resetBy } };
  });
  const sandbox = await progress.step(`start a sandbox with ${pairs} pairs of accounts`, () => rotatingSandbox(some));
  try {
    await sandbox.rotate(credentialNamed(sandbox, 'password-reset'));
    const due = sandbox.credentials.filter(({ settings }) => settings.name !== 'password-reset');
    const consumer = consume(sandbox, due);
    const began = performance.now();
    await progress.step(`${pairs} rotations`, async () => {
      const queue = due.values();
      let done = 0;
      const worker = async () => {
        for (const credential of queue) {
          await sandbox.rotate(credential);
          done += 1;
          if (done % 20 === 0) progress.note(`${done} of ${pairs}`);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    });
    const took = performance.now() - began;
    const { binds, failed } = await consumer.end();
    return [
      {
        what: `${pairs} alternating pairs, ${atOnce} at once: time`,
        measured: `${(took / 1000).toFixed(1)} s`,
        detail: `${milliseconds(took / pairs)} each`,
        bound: `≤ ${pairsBoundMs / 1000} s`,
        holds: took <= pairsBoundMs,
      },
      {
        what: '– failed binds of a consumer that reads AWSCURRENT',
        measured: String(failed),
        detail: `${binds} binds, one every ${consumerEveryMs} ms`,
        bound: 'none',
        holds: failed === 0 && binds > took / consumerEveryMs / 4,
      },
      await nowhere(progress, sandbox),
    ];
  } finally {
    await sandbox.played.stop();
  }
}

/** Each pair in turn, and again from the first; it reads anew each time and remembers nothing. */
function consume(sandbox: RotatingSandbox, credentials: RotatingSandbox['credentials']) {
  let ended = false;
  let binds = 0;
  let failed = 0;
  const run = (async () => {
    for (let turn = 0; !ended; turn += 1) {
      const next = performance.now() + consumerEveryMs;
      const credential = credentials[turn % credentials.length];
      if (credential === undefined) return;
      if (!(await sandbox.binds(await sandbox.read(credential)))) failed += 1;
      binds += 1;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    }
  })();
  return {
    async end() {
      ended = true;
      await run;
      return { binds, failed };
    },
  };
}

async function nowhere(progress: Progress, { passwords, played }: RotatingSandbox): Promise<Figure> {
  const { endpoint, stack, controller, population } = played.sandbox;
  const all = [...passwords, population.bindPassword, controller.administratorPassword];
  const { hits, searched } = await progress.step(`search for ${all.length} passwords`, () => searchForSecrets(all, { endpoint, stack }));
  const megabytes = Object.entries(searched).map(([kind, bytes]) => `${kind} ${(bytes / 1e6).toFixed(1)} MB`);
  return {
    what: `passwords found, of ${all.length} ever set`,
    measured: String(hits.length),
    detail: hits.length > 0 ? hits.slice(0, 3).join('; ') : megabytes.join(', '),
    bound: 'none',
    holds: hits.length === 0,
  };
}
