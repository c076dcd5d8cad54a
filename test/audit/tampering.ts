/** Ways to tamper with files of a trail, chosen at random but repeatably. */
import { chainStart, linesOf } from '../../handlers/audit/chain.ts';

export interface Tampering {
  readonly what: string;
  readonly files: Map<string, Buffer>;
}

/** The same numbers for the same seed: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;
const pick = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
const isRecords = (key: string) => key.startsWith('records/');

/** One byte of one file has another value, is gone, or is there twice. */
export function tamperByte(random: Random, files: ReadonlyMap<string, Buffer>): Tampering {
  const key = pick(
    random,
    [...files].filter(([, body]) => body.length > 0).map(([one]) => one),
  );
  const body = Buffer.from(files.get(key) as Buffer);
  const at = Math.floor(random() * body.length);
  const way = pick(random, ['flip', 'drop', 'double'] as const);
  if (way === 'flip') body[at] = (body[at] as number) ^ (1 + Math.floor(random() * 255));
  const [head, tail] = [body.subarray(0, at), body.subarray(at)];
  const changed = {
    flip: body,
    drop: Buffer.concat([head, body.subarray(at + 1)]),
    double: Buffer.concat([head, body.subarray(at, at + 1), tail]),
  }[way];
  return { what: `${way} byte ${at} of ${key}`, files: new Map([...files, [key, changed]]) };
}

/** One record is gone, twice there, moved, changed and linked anew, or made up. */
export function tamperRecord(random: Random, files: ReadonlyMap<string, Buffer>): Tampering {
  const keys = [...files.keys()].filter((key) => isRecords(key) && (files.get(key)?.length ?? 0) > 0);
  const key = pick(random, keys);
  const lines = [...linesOf(files.get(key) as Buffer)].map((line) => Buffer.from(line).toString('utf8'));
  const at = Math.floor(random() * lines.length);
  const way = pick(random, ['drop', 'double', 'swap', 'move', 'change', 'make up'] as const);
  const line = lines[at] as string;
  const write = (to: string, texts: readonly string[]): [string, Buffer] => [to, Buffer.from(texts.map((text) => `${text}\n`).join(''))];
  const other = pick(
    random,
    keys.filter((one) => one !== key),
  );
  switch (way) {
    case 'drop':
      return { what: `${way} line ${at} of ${key}`, files: new Map([...files, write(key, lines.toSpliced(at, 1))]) };
    case 'double':
      return { what: `${way} line ${at} of ${key}`, files: new Map([...files, write(key, lines.toSpliced(at, 0, line))]) };
    case 'swap': {
      const to = (at + 1) % lines.length;
      const swapped = lines.with(at, lines[to] as string).with(to, line);
      return lines.length < 2
        ? tamperRecord(random, files)
        : { what: `${way} lines ${at} and ${to} of ${key}`, files: new Map([...files, write(key, swapped)]) };
    }
    case 'move': {
      const there = [...linesOf(files.get(other) as Buffer)].map((one) => Buffer.from(one).toString('utf8'));
      return {
        what: `${way} line ${at} of ${key} to ${other}`,
        files: new Map([...files, write(key, lines.toSpliced(at, 1)), write(other, [...there, line])]),
      };
    }
    case 'change':
      return {
        what: `${way} line ${at} of ${key}`,
        files: new Map([...files, write(key, lines.with(at, line.replace('"user"', '"nobody"')))]),
      };
    case 'make up': {
      const record = JSON.parse(line);
      record.unmapped.chain = { writer: 'f00d', sequence: 1, previous: chainStart.hash };
      return { what: `${way} a line of ${key}`, files: new Map([...files, write(key, lines.toSpliced(at, 0, JSON.stringify(record)))]) };
    }
  }
}

/** One file is gone, empty, copied under another name, exchanged with another, or made up. */
export function tamperFile(random: Random, files: ReadonlyMap<string, Buffer>): Tampering {
  const [key, other] = [pick(random, [...files.keys()]), pick(random, [...files.keys()])];
  const [body, otherBody] = [files.get(key) as Buffer, files.get(other) as Buffer];
  const copy = key.replace(/(\w{3})(?=\.json$)/, (part) => [...part].reverse().join('~'));
  const way = pick(random, ['delete', 'empty', 'copy', 'exchange', 'make up'] as const);
  const changed = new Map(files);
  if (way === 'delete') changed.delete(key);
  else if (way === 'empty') changed.set(key, Buffer.alloc(0));
  else if (way === 'copy') changed.set(copy, body);
  else if (way === 'exchange') changed.set(key, otherBody).set(other, body);
  else changed.set(copy, Buffer.from('{}\n'));
  const isSame = way === 'empty' ? body.length === 0 : way === 'exchange' && body.equals(otherBody);
  return isSame ? tamperFile(random, files) : { what: `${way} ${key} (${other})`, files: changed };
}
