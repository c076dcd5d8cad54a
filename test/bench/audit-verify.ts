/** What verifying costs, and what it finds: tampered trails, intact ones, and a million records. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Evidence } from '../../handlers/audit/evidence.ts';
import { folderEvidence } from '../../handlers/audit/folder-evidence.ts';
import type { Segments } from '../../handlers/audit/segments.ts';
import { verifyTrail } from '../../handlers/audit/verify.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { closedTrail, writeTrail } from '../audit/closed-trail.ts';
import { memoryTrail } from '../audit/memory-trail.ts';
import { randomNumbers, type Tampering, tamperByte, tamperFile, tamperRecord } from '../audit/tampering.ts';
import type { Figure } from './figure.ts';

const runs = 1000;
const [from, to] = ['2025-03-01T22', '2025-03-02T03'];

export async function tampering({ note }: Progress): Promise<readonly Figure[]> {
  const shape = { hours: 6, writers: 2, segments: 2, records: 5 };
  const made = await closedTrail(shape);
  made.setTime('2025-03-02T04:10:00Z');
  await made.close();
  const verify = async (files: Map<string, Buffer>, publicKey = made.publicKey) =>
    verifyTrail({ evidence: memoryTrail(files), publicKey, from, to });
  const figures: Figure[] = [];
  const ways = { byte: tamperByte, record: tamperRecord, file: tamperFile } satisfies Record<string, (...given: never[]) => Tampering>;
  for (const [what, tamper] of Object.entries(ways)) {
    note(`audit: ${runs} manipulations of a ${what}`);
    const random = randomNumbers(2025);
    const missed: string[] = [];
    for (let run = 0; run < runs; run += 1) {
      const tampered = tamper(random, made.files);
      if ((await verify(tampered.files)).intact) missed.push(tampered.what);
    }
    figures.push({
      what: `verify: manipulations of a single ${what}`,
      measured: `${runs - missed.length} of ${runs} found`,
      detail: missed[0] ?? 'bytes, records and files chosen at random, digests among them',
      bound: 'all',
      holds: missed.length === 0,
    });
  }
  note(`audit: ${runs} intact trails`);
  let alarms = 0;
  const random = randomNumbers(7);
  for (let run = 0; run < runs; run += 1) {
    // Trails of other shapes, each with its own key; a new one now and then keeps it within a minute.
    const other =
      run % 10 === 0
        ? await closedTrail({ ...shape, hours: 1 + Math.floor(random() * 5), records: 1 + Math.floor(random() * 7) })
        : undefined;
    if (other === undefined) {
      if (!(await verify(made.files)).intact) alarms += 1;
      continue;
    }
    other.setTime('2025-03-02T04:10:00Z');
    await other.close();
    if (!(await verify(other.files, other.publicKey)).intact) alarms += 1;
  }
  figures.push({
    what: 'verify: alarms at intact trails',
    measured: `${alarms} of ${runs}`,
    detail: 'a hundred trails of different shapes, and one of them nine hundred times',
    bound: 'none',
    holds: alarms === 0,
  });
  return figures;
}

/** A trail's files in a folder, written as they come. */
function filesIn(folder: string): Segments & Evidence {
  const evidence = folderEvidence(folder);
  const write = async (key: string, body: string) => {
    const path = join(folder, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, body);
    return true;
  };
  return { ...evidence, write, void: (key) => write(key, '') };
}

const million = 1_000_000;
const leastPerSecond = 50_000;
const mostMegabytes = 200;

export async function millionRecords({ note }: Progress): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-audit-'));
  try {
    note('audit: writing a million records');
    const shape = { hours: 25, writers: 5, segments: 100, records: 100 };
    const hoursWithRecords = Array.from({ length: shape.hours }, (_, hour) => hour).filter((hour) => hour % 4 !== 2).length;
    const segments = Math.ceil(million / (hoursWithRecords * shape.writers * shape.records));
    const made = await writeTrail({ ...shape, segments }, filesIn(folder));
    made.setTime('2025-03-03T00:00:00Z');
    await made.close();
    const key = join(folder, 'key.pem');
    writeFileSync(key, made.publicKey.export({ type: 'spki', format: 'pem' }));
    note('audit: verifying a million records');
    const script = new URL('audit-verify-process.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(process.execPath, [script, 'verify', '--files', folder, '--public-key', key, '--json']);
    const taken = JSON.parse(stdout) as {
      exitCode: number;
      verdict: { records: number };
      seconds: number;
      cpuSeconds: number;
      megabytes: number;
    };
    const whole = taken.exitCode === 0 && taken.verdict.records === made.made;
    const perSecond = Math.round(made.made / taken.cpuSeconds);
    return [
      {
        what: `verify: ${made.made} records in files`,
        measured: `${perSecond} records/s of one core`,
        detail: `${taken.cpuSeconds.toFixed(1)} s of processor time, ${taken.seconds.toFixed(1)} s by the clock`,
        bound: `≥ ${leastPerSecond}`,
        holds: whole && perSecond >= leastPerSecond,
      },
      {
        what: 'verify: memory for these',
        measured: `${Math.round(taken.megabytes)} MB`,
        detail: 'largest resident set of the whole process',
        bound: `≤ ${mostMegabytes} MB`,
        holds: whole && taken.megabytes <= mostMegabytes,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
