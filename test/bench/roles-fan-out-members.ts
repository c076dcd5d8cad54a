/** A fan-out in a process of its own: reads how many members from standard input, prints messages, time and peak memory. */
import { readFile } from 'node:fs/promises';
import { lookAts } from '../../handlers/access/decision-message.ts';
import { usersBelow } from '../../handlers/access/fan-out.ts';
import type { MirrorRow, RowKey } from '../../handlers/directory/mirror.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { domain, edgeRow, groupObject, objectRow, userObject } from '../directory/rows.ts';

export interface FanOutReport {
  readonly users: number;
  readonly messages: number;
  /** Characters of the longest message. */
  readonly longest: number;
  readonly seconds: number;
  /** Resident set when the mirror was filled. */
  readonly mirrorMb: number;
  readonly peakMb: number;
}

let input = '';
for await (const chunk of process.stdin) input += chunk;
const { members } = JSON.parse(input) as { members: number };

const [top, middle, bottom] = [groupObject(10, 'AWS-Everybody'), groupObject(11, 'Company'), groupObject(12, 'Staff')];
function* rows(): Generator<MirrorRow> {
  for (const group of [top, middle, bottom]) yield objectRow(group);
  yield edgeRow(top, middle);
  yield edgeRow(middle, bottom);
  for (let number = 0; number < members; number += 1) {
    const user = userObject(100_000 + number, `person${number}`, { mail: [`person${number}@example.com`] });
    yield objectRow(user);
    yield edgeRow(bottom, user);
  }
}

const residentMb = async (field: 'VmRSS' | 'VmHWM'): Promise<number> => {
  const megabytes = Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(await readFile('/proc/self/status', 'utf8'))?.[1]) / 1024;
  if (!(megabytes > 0)) throw new Error(`no ${field} in /proc/self/status: measure on Linux`);
  return megabytes;
};

const mirror = memoryMirror();
await mirror.write([...rows()]);
mirror.changes.length = 0;
const mirrorMb = await residentMb('VmRSS');
const start = performance.now();
// Every read is a copy, as a table's answer is.
const reader = { ...mirror, read: async (keys: readonly RowKey[]) => structuredClone(await mirror.read(keys)) };
const users = await usersBelow(reader, [{ domain, guid: top.guid }]);
const messages = lookAts(users, { id: 'cause-1', type: 'GroupRenamed' }).map((message) => JSON.stringify(message));
const seconds = (performance.now() - start) / 1000;
const report: FanOutReport = {
  users: new Set(users.map(({ guid }) => guid)).size,
  messages: messages.length,
  longest: messages.reduce((longest, { length }) => Math.max(longest, length), 0),
  seconds,
  mirrorMb,
  peakMb: await residentMb('VmHWM'),
};
process.stdout.write(JSON.stringify(report));
