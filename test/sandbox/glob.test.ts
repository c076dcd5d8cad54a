import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANY, type GlobToken, matchesGlob, ONE } from '../../sandbox/aws/glob.ts';

const letters = fc.constantFrom('a', 'b');
const token = fc.oneof(letters, fc.constantFrom<GlobToken>(ANY, ONE));

describe('GIVEN a glob and a text', () => {
  it('WHEN they are matched, THEN the verdict is that of the same regular expression', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 6 }), fc.string({ unit: letters, maxLength: 10 }), (tokens, text) => {
        const source = tokens.map((each) => (each === ANY ? '.*' : each === ONE ? '.' : String(each))).join('');
        expect(matchesGlob(tokens, text)).toBe(new RegExp(`^${source}$`).test(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('WHEN the text holds a character outside the basic plane, THEN it is one character', () => {
    expect(matchesGlob(['a', ONE, 'b'], 'a🚀b')).toBe(true);
  });

  it('WHEN many wildcards nearly match, THEN the answer comes at once', () => {
    const tokens = Array.from({ length: 50 }, (): GlobToken[] => [ANY, 'a']).flat();
    expect(matchesGlob([...tokens, 'b'], 'a'.repeat(5000))).toBe(false);
  }, 1000);
});
