/** RFC 8785: one value, one form. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, type JsonValue } from '../../handlers/platform/canonical-json.ts';

test('GIVEN the example of RFC 8785 section 3.2.2 THEN its canonical form is that of section 3.2.3', () => {
  const value = JSON.parse(
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  );
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('GIVEN the example of section 3.2.3 THEN members are sorted by UTF-16 code units', () => {
  const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
  const sorted = Object.keys(JSON.parse(canonicalJson(Object.fromEntries(names.map((name) => [name, 1])))));
  expect(sorted).toEqual(['1', '\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']);
});

test('GIVEN any value WHEN it is read back and written again THEN the form is the same, whatever the order of its members', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const form = canonicalJson(value as JsonValue);
      expect(canonicalJson(JSON.parse(form))).toBe(form);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()) as JsonValue)).toBe(form);
      }
    }),
  );
});

test('GIVEN a lone surrogate THEN it has a form that UTF-8 keeps', () => {
  const form = canonicalJson({ name: 'a\ud800' });
  expect(Buffer.from(form).toString('utf8')).toBe(form);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('fails for %s', (value) => {
  expect(() => canonicalJson([value])).toThrow(/no JSON form/);
});
