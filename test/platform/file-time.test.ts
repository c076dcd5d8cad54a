import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accountExpiry, fileTime, interval, isoText } from '../../handlers/platform/file-time.ts';

const never = '9223372036854775807';
const beginning = '-9223372036854775808';
const noInteger = [
  undefined,
  '',
  ' ',
  '-',
  '1.5',
  '0x10',
  '1e9',
  '12 ',
  'never',
  '９',
  '9223372036854775808',
  '-9223372036854775809',
  '9'.repeat(40),
];

describe('a FILETIME', () => {
  test.each([
    ['0', '1601-01-01T00:00:00.000Z'],
    ['116444736000000000', '1970-01-01T00:00:00.000Z'],
    ['133801632000000000', '2025-01-01T00:00:00.000Z'],
    // Cut to the millisecond, not rounded.
    ['116444736000009999', '1970-01-01T00:00:00.000Z'],
    ['116444736000010000', '1970-01-01T00:00:00.001Z'],
    [never, '+030828-09-14T02:48:05.477Z'],
  ])('WHEN it is %s THEN the moment is %s', (text, iso) => {
    expect(fileTime(text)?.toISOString()).toBe(iso);
  });

  test('GIVEN any moment from 1601 on THEN its count of 100 ns reads as that moment', () => {
    const moment = fc.date({ min: new Date('1601-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(moment, fc.bigInt(0n, 9_999n), (date, rest) => {
        const ticks = (BigInt(date.getTime()) - BigInt(Date.UTC(1601, 0, 1))) * 10_000n + rest;
        expect(fileTime(`${ticks}`)).toEqual(date);
      }),
    );
  });

  test.each([...noInteger, '-1', beginning])('WHEN it is %j THEN there is no moment', (text) => {
    expect(fileTime(text)).toBeUndefined();
  });
});

test.each([
  ['1601-01-01T00:00:00.000Z', '1601-01-01T00:00:00.000Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ['+010000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  ['+030828-09-14T02:48:05.477Z', '9999-12-31T23:59:59.999Z'],
])('WHEN the moment is %s THEN its text is %s', (moment, text) => {
  expect(isoText(new Date(moment))).toBe(text);
});

describe('accountExpires', () => {
  test.each(['0', never, undefined, '', 'x', '-1'])('WHEN it is %j THEN the account does not expire', (text) => {
    expect(accountExpiry(text)).toBeUndefined();
  });

  test('WHEN it is a moment, also one before the last, THEN it expires then', () => {
    expect(accountExpiry('133801632000000000')?.toISOString()).toBe('2025-01-01T00:00:00.000Z');
    expect(accountExpiry('9223372036854775806')).toBeInstanceOf(Date);
  });
});

describe('an interval', () => {
  test.each([
    ['-18000000000', 30 * 60_000],
    // The largest that is not never: 29,247 years.
    ['-9223372036854775807', 922_337_203_685_477],
    ['-1', 0],
  ])('WHEN it is %s THEN it lasts %i ms', (text, milliseconds) => {
    expect(interval(text)).toBe(milliseconds);
    expect(interval(text, 0)).toBe(milliseconds);
  });

  test('WHEN it is -2^63 THEN it never ends, whatever 0 means', () => {
    expect([interval(beginning), interval(beginning, 0)]).toEqual(['never', 'never']);
  });

  test('WHEN it is 0 THEN it means what the attribute means by it', () => {
    expect([interval('0'), interval('0', 'never'), interval('0', 0)]).toEqual(['never', 'never', 0]);
  });

  test('GIVEN any number of milliseconds THEN its negative count reads as that number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 900_000_000_000_000 }), (milliseconds) => {
        expect(interval(`-${BigInt(milliseconds) * 10_000n}`)).toBe(milliseconds);
      }),
    );
  });

  test.each([...noInteger, '1', never])('WHEN it is %j THEN there is none', (text) => {
    expect(interval(text)).toBeUndefined();
  });
});
