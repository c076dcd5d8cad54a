import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newPassword } from '../../handlers/credentials/password.ts';
import { forbiddenParts, type PasswordPolicy, shortcomings } from '../../handlers/credentials/password-policy.ts';

const policy: PasswordPolicy = { minLength: 14, complexity: true, history: 24, minAgeMs: 0, lockoutThreshold: 5 };
const names = { samAccountName: 'svc-billing', displayName: 'Billing, Nightly-Export #7' };
const wish = { length: 32, alphabet: 'printable' } as const;

describe('a new password', () => {
  test('GIVEN any policy, names and alphabet THEN it meets the policy and is as long as the longer of both wants', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 127 }),
        fc.integer({ min: 16, max: 127 }),
        fc.constantFrom('printable' as const, 'safe' as const),
        fc.string({ minLength: 3, maxLength: 20 }),
        fc.option(fc.string({ maxLength: 60 }), { nil: undefined }),
        (minLength, length, alphabet, samAccountName, displayName) => {
          const strict = { ...policy, minLength };
          const password = newPassword(strict, { length, alphabet }, { samAccountName, displayName });
          expect(shortcomings(strict, password, { samAccountName, displayName })).toEqual([]);
          expect(password).toHaveLength(Math.max(length, minLength));
          expect(password).toMatch(/^[\x21-\x7e]+$/);
          expect(password).not.toMatch(/["'\\`$ ]/);
          if (alphabet === 'safe') expect(encodeURIComponent(password)).toBe(password);
        },
      ),
    );
  });

  test('GIVEN a random source THEN every character comes from it: the same draws give the same password, others another', () => {
    const drawing = (seed: number) => {
      let state = seed;
      return (bound: number) => {
        state = (state * 48_271) % 2_147_483_647;
        return state % bound;
      };
    };
    expect(newPassword(policy, wish, names, drawing(7))).toBe(newPassword(policy, wish, names, drawing(7)));
    expect(newPassword(policy, wish, names, drawing(7))).not.toBe(newPassword(policy, wish, names, drawing(8)));
  });

  test('WHEN many are made THEN none repeats, and each character of the alphabet is as likely as another', () => {
    const many = Array.from({ length: 2000 }, () => newPassword(policy, wish, names));
    expect(new Set(many).size).toBe(many.length);
    const counts = new Map<string, number>();
    for (const character of many.join('')) counts.set(character, (counts.get(character) ?? 0) + 1);
    const expected = (2000 * 32) / counts.size;
    // Six standard deviations: one run in some ten million fails by chance.
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
  });

  test('GIVEN draws that would hold the name of the account THEN another is drawn', () => {
    const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
    const first = 'svc-billingAB1svc-billingAB1svc-';
    const second = 'Another1~Another1~Another1~Anoth';
    const draws = [...first, ...second].map((character) => characters.indexOf(character));
    expect(newPassword(policy, { length: 32, alphabet: 'safe' }, names, () => draws.shift() ?? 0)).toBe(second);
  });

  test('fails WHEN the policy asks for more than a password can have', () => {
    expect(() => newPassword({ ...policy, minLength: 300 }, wish, names)).toThrow(/asks for 300 characters, a password has 256 at most/);
  });
});

describe('what a policy finds wrong', () => {
  test.each<[string, string, readonly string[]]>([
    ['nothing', 'Correct-Horse-1', []],
    ['its length', 'Short-1', ['length']],
    ['too few kinds of characters', 'onlylettersoflowercase', ['kinds']],
    ["the account's name, in any case", 'xx-SVC-BILLING-xx1', ['name']],
    ['a part of the display name', 'A-nightly-password-1', ['name']],
    ['letters of no case as a kind of their own', '漢字漢字漢字漢字漢字漢字漢字aB', []],
  ])('GIVEN a password THEN %s', (_, password, found) => {
    expect(shortcomings(policy, password, names)).toEqual(found);
  });

  test('GIVEN a policy without complexity THEN its length alone counts', () => {
    expect(shortcomings({ ...policy, complexity: false }, 'svc-billing-svc', names)).toEqual([]);
  });

  test('GIVEN short parts of a name THEN they are not looked for', () => {
    expect(forbiddenParts({ samAccountName: 'ab', displayName: 'Jo Li-Smith' })).toEqual(['smith']);
  });
});
