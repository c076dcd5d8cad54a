/** What every ledger of wakes has to hold, the one in memory and the one in DynamoDB. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { WakeLedger, WakeTurn } from '../../../handlers/directory/security-log/wake.ts';

export function wakeLedgerContract(name: string, ledger: WakeLedger): void {
  describe(name, () => {
    let watch: string;
    beforeEach(() => {
      watch = `detect-changes-${randomUUID()}`;
    });
    const turn = (number: number, change: Partial<WakeTurn> = {}): WakeTurn => ({
      turn: number,
      holder: 'one',
      wakeAt: 1_740_823_200_000 + number,
      pending: false,
      ...change,
    });

    test('WHEN turns follow each other THEN the last one is read, all of it', async () => {
      expect(await ledger.read(watch)).toBeUndefined();
      expect(await ledger.write(watch, turn(1))).toBe(true);
      expect(await ledger.write(watch, turn(2, { holder: 'two', pending: true }))).toBe(true);
      expect(await ledger.read(watch)).toEqual(turn(2, { holder: 'two', pending: true }));
      expect(await ledger.read(`${watch}-other`)).toBeUndefined();
    });

    test('WHEN many want the same turn at once THEN exactly one gets it, the first turn as any other', async () => {
      for (const number of [1, 2, 3]) {
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, index) => ledger.write(watch, turn(number, { holder: `holder-${index}` }))),
        );
        expect(answers.filter(Boolean)).toHaveLength(1);
        expect((await ledger.read(watch))?.holder).toBe(`holder-${answers.indexOf(true)}`);
      }
    });

    test('fails to write a turn that is over, or that leaves one out', async () => {
      await ledger.write(watch, turn(1));
      await ledger.write(watch, turn(2));
      expect(await ledger.write(watch, turn(1, { holder: 'two' }))).toBe(false);
      expect(await ledger.write(watch, turn(4))).toBe(false);
      expect(await ledger.read(watch)).toEqual(turn(2));
    });

    test('WHEN the answer to a write was lost THEN the same holder writes the same turn again', async () => {
      for (const number of [1, 2]) {
        expect(await ledger.write(watch, turn(number))).toBe(true);
        expect(await ledger.write(watch, turn(number))).toBe(true);
      }
    });
  });
}
