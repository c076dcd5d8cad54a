/** Invariant 11 under fire: none missing, none double, whatever ends in the middle. */
import { describe, expect, test } from 'vitest';
import { AuditWriter } from '../../handlers/audit/audit-writer.ts';
import { linesOf, readLine } from '../../handlers/audit/chain.ts';
import type { Segments } from '../../handlers/audit/segments.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { deletions, revisions } from './audited.ts';
import { memoryClaims, memoryTrail } from './memory-trail.ts';

function world() {
  const claims = memoryClaims();
  const trail = memoryTrail();
  const logged: string[] = [];
  let time = Date.parse('2025-03-01T10:00:00Z');
  const base = {
    claims,
    segments: trail as Segments,
    log: async (lines: readonly string[]) => {
      logged.push(...lines);
    },
    revisions,
    now: () => new Date(time),
  };
  return {
    claims,
    trail,
    logged,
    later: (seconds: number) => {
      time += seconds * 1000;
    },
    writer: (changed: Partial<typeof base> = {}) => new AuditWriter({ ...base, ...changed }),
    recorded: () => [...trail.files.values()].flatMap((body) => [...linesOf(body)].map((line) => readLine(line)?.eventId)),
  };
}

const ids = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id);
const failing = async () => {
  throw new Error('cut off');
};

test('WHEN batches are recorded THEN each record follows from the one before, in the bucket and in the log alike', async () => {
  const { writer, trail, logged, recorded } = world();
  const one = writer();
  await one.record(deletions(3));
  await one.record(deletions(2, 3));
  expect(recorded()).toEqual(ids(deletions(5)));
  const lines = [...trail.files.values()].flatMap((body) => [...linesOf(body)]);
  expect(lines.map(String)).toEqual(logged);
  const read = lines.map((line) => readLine(line));
  expect(read.map((line) => line?.chain.sequence)).toEqual([1, 2, 3, 4, 5]);
  for (const [index, line] of read.entries()) expect(line?.chain.previous).toBe(read[index - 1]?.hash ?? '0'.repeat(64));
});

test('GIVEN an event that is recorded WHEN it is delivered to another writer THEN it makes no second record, and is done', async () => {
  const { writer, recorded, logged } = world();
  await writer().record(deletions(2));
  const outcomes = await writer().record(deletions(3));
  expect([...outcomes.values()]).toEqual([undefined, undefined, undefined]);
  expect(recorded()).toEqual(ids(deletions(3)));
  expect(logged).toHaveLength(3);
});

describe('fails, so that no message is acknowledged,', () => {
  test('when the bucket does not take the segment; it is recorded once by whoever gets it after the claim has run out', async () => {
    const { writer, trail, later, recorded, logged } = world();
    await expect(writer({ segments: { ...trail, write: failing } }).record(deletions(2))).rejects.toThrow('cut off');
    const [early] = (await writer().record(deletions(1))).values();
    expect(early).toBeInstanceOf(RetryableError);
    later(180);
    expect([...(await writer().record(deletions(2))).values()]).toEqual([undefined, undefined]);
    expect(recorded()).toEqual(ids(deletions(2)));
    expect(logged).toHaveLength(2);
  });

  test('when the answer of the bucket was lost although it wrote; the record that is there is the only one', async () => {
    const { writer, trail, later, recorded, logged } = world();
    const lost = async (key: string, body: string) => {
      await trail.write(key, body);
      throw new Error('cut off');
    };
    await expect(writer({ segments: { ...trail, write: lost } }).record(deletions(2))).rejects.toThrow('cut off');
    later(180);
    await writer().record(deletions(2));
    expect(recorded()).toEqual(ids(deletions(2)));
    expect(logged).toHaveLength(2);
  });

  test('when the log does not take the lines; they are there once it does', async () => {
    const { writer, later, recorded, logged, trail } = world();
    const one = writer({ log: failing });
    await expect(one.record(deletions(2))).rejects.toThrow('cut off');
    expect(logged).toEqual([]);
    later(180);
    await writer().record(deletions(2));
    expect(recorded()).toEqual(ids(deletions(2)));
    expect(logged).toEqual([...linesOf([...trail.files.values()][0] as Buffer)].map(String));
  });

  test('when its key was made void meanwhile: a writer that hangs cannot write behind the one that took over', async () => {
    const { writer, trail, later, recorded } = world();
    let hang = () => {};
    const hanging = writer({
      segments: {
        ...trail,
        write: async (key, body) => {
          await new Promise<void>((resolve) => {
            hang = resolve;
          });
          return trail.write(key, body);
        },
      },
    });
    const stuck = hanging.record(deletions(2));
    await new Promise((resolve) => setImmediate(resolve));
    later(180);
    await writer().record(deletions(2));
    hang();
    await expect(stuck).rejects.toThrow(/was given up meanwhile/);
    expect(recorded()).toEqual(ids(deletions(2)));
  });
});

test('GIVEN a write that failed WHEN the writer goes on THEN it begins a chain of its own', async () => {
  const { writer, trail, recorded } = world();
  let broken = true;
  const one = writer({
    segments: { ...trail, write: (key, body) => (broken ? failing() : trail.write(key, body)) },
  });
  await expect(one.record(deletions(1))).rejects.toThrow('cut off');
  broken = false;
  await one.record(deletions(2, 10));
  expect(recorded()).toEqual(ids(deletions(2, 10)));
  const [line] = linesOf([...trail.files.values()].at(-1) as Buffer);
  expect(line && readLine(line)?.chain.sequence).toBe(1);
});

test('GIVEN many writers that are cut off at random WHEN all events are delivered until they are done THEN each has one record', async () => {
  const { claims, trail, writer, later, recorded, logged } = world();
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const cut = async <T>(work: () => Promise<T>): Promise<T> => {
    if (random() < 0.15) throw new Error('cut off before');
    const done = await work();
    if (random() < 0.15) throw new Error('cut off after');
    return done;
  };
  const shaky = () =>
    writer({
      segments: { ...trail, write: (key, body) => cut(() => trail.write(key, body)), void: (key) => cut(() => trail.void(key)) },
      claims: {
        ...claims,
        claim: (...given) => cut(() => claims.claim(...given)),
        noteWritten: (given) => cut(() => claims.noteWritten(given)),
      },
    });
  const events = deletions(200);
  const open = new Set(ids(events));
  const writers = [shaky(), shaky(), shaky(), shaky()];
  for (let round = 0; open.size > 0 && round < 5000; round += 1) {
    const batches = writers.map((one) => ({ one, batch: events.filter(({ id }) => open.has(id) && random() < 0.2).slice(0, 10) }));
    await Promise.all(
      batches.map(async ({ one, batch }) => {
        const outcomes = await one.record(batch).catch(() => new Map());
        // Now and then the acknowledgement is lost, too.
        for (const [id, outcome] of outcomes) if (outcome === undefined && random() < 0.9) open.delete(id);
      }),
    );
    if (random() < 0.1) writers[Math.floor(random() * 4)] = shaky();
    later(20);
  }
  expect(open.size).toBe(0);
  expect(recorded().sort()).toEqual(ids(events).sort());
  expect(new Set(logged.map((line) => JSON.parse(line).metadata.uid))).toEqual(new Set(ids(events)));
});
