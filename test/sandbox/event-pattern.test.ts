import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  compilePattern,
  InvalidEventError,
  InvalidEventPatternError,
  matchesEvent,
  matchesPattern,
} from '../../sandbox/aws/event-pattern.ts';

type Verdict = boolean | 'error';
interface RecordedCase {
  readonly name: string;
  readonly patternText: string;
  readonly eventText: string;
  readonly matches: Verdict;
}

function verdict(patternText: string, eventText: string): Verdict {
  try {
    return matchesPattern(compilePattern(patternText), eventText);
  } catch (error) {
    if (error instanceof InvalidEventPatternError) return 'error';
    throw error;
  }
}

const recorded = fileURLToPath(new URL('../../../shared/data/event-patterns.json', import.meta.url));

describe("event patterns agree with AWS's recorded verdicts", () => {
  if (existsSync(recorded)) {
    const { cases } = JSON.parse(readFileSync(recorded, 'utf8')) as { cases: RecordedCase[] };
    it.each(cases)('$name is $matches', ({ patternText, eventText, matches }) => {
      expect(verdict(patternText, eventText)).toBe(matches);
    });
  } else {
    it('needs shared/data/event-patterns.json', ({ skip }) => {
      console.warn(`${recorded} is absent: the recorded verdicts of AWS were not compared`);
      if (process.env.CI) throw new Error(`${recorded} is absent: check out shared/ beside the repository`);
      skip('shared/data is absent');
    });
  }
});

describe('GIVEN a pattern and an event, WHEN they are compared', () => {
  const cases: readonly [title: string, pattern: string, event: string, verdict: Verdict][] = [
    ['every field must match', '{"a":["x"],"b":["y"]}', '{"a":"x","b":"z"}', false],
    ['one listed value is enough', '{"a":["x","y"]}', '{"a":"y"}', true],
    ['a field the pattern does not name is ignored', '{"a":["x"]}', '{"a":"x","b":1}', true],
    ['a string is not a number', '{"a":[1]}', '{"a":"1"}', false],
    ['numbers are equal in any spelling', '{"a":[300]}', '{"a":3.0e2}', true],
    ['numbers beyond 5e9 are equal only as spelled', '{"a":[5000000001]}', '{"a":5000000001.0}', false],
    ['numbers beyond 5e9, spelled alike', '{"a":[12345678901234567890]}', '{"a":12345678901234567890}', true],
    ['neighbouring numbers beyond double precision differ', '{"a":[12345678901234567890]}', '{"a":12345678901234567891}', false],
    ['numeric beyond 5e9', '{"a":[{"numeric":[">",5000000001]}]}', '{"a":1}', 'error'],
    ['numeric does not order numbers beyond 5e9', '{"a":[{"numeric":[">",1]}]}', '{"a":5000000001}', false],
    ['a range from high to low', '{"a":[{"numeric":[">",5,"<",1]}]}', '{"a":3}', 'error'],
    ['two upper bounds', '{"a":[{"numeric":["<",5,"<",7]}]}', '{"a":3}', 'error'],
    ['one element of an array is enough', '{"a":["x"]}', '{"a":["w","x"]}', true],
    ['anything-but matches by another element', '{"a":[{"anything-but":"x"}]}', '{"a":["x","y"]}', true],
    ['fields of one array element', '{"l":{"k":["a"],"v":["1"]}}', '{"l":[{"k":"a","v":"1"},{"k":"b","v":"2"}]}', true],
    ['fields of different array elements', '{"l":{"k":["a"],"v":["2"]}}', '{"l":[{"k":"a","v":"1"},{"k":"b","v":"2"}]}', false],
    ['a later element after a failed one', '{"l":{"k":["a"],"v":["2"]}}', '{"l":[{"k":"a","v":"1"},{"k":"a","v":"2"}]}', true],
    ['exists false on an intermediate node', '{"d":[{"exists":false}]}', '{"d":{"x":1}}', true],
    ['exists with a string', '{"d":[{"exists":"true"}]}', '{"d":1}', 'error'],
    ['anything-but mixed kinds', '{"d":[{"anything-but":["a",1]}]}', '{"d":2}', 'error'],
    ['anything-but numbers by value', '{"d":[{"anything-but":[100]}]}', '{"d":1e2}', false],
    ['an escaped asterisk', '{"a":[{"wildcard":"a\\\\*b*"}]}', '{"a":"a*bc"}', true],
    ['an escaped asterisk is no wildcard', '{"a":[{"wildcard":"a\\\\*b"}]}', '{"a":"axb"}', false],
    ['a stray backslash in a wildcard', '{"a":[{"wildcard":"a\\\\b"}]}', '{"a":"ab"}', 'error'],
    ['a trailing backslash in a wildcard', '{"a":[{"wildcard":"a\\\\"}]}', '{"a":"a"}', 'error'],
    [
      'several wildcards of one field add up',
      '{"a":[{"wildcard":"*/x/*a"},{"wildcard":"*/x/*b"},{"wildcard":"*/x/*c"},{"wildcard":"*/x/*d"}]}',
      '{}',
      'error',
    ],
    [
      'the same wildcards on other fields do not',
      '{"a":[{"wildcard":"*/x/*a"}],"b":[{"wildcard":"*/x/*a"}],"c":[{"wildcard":"*/x/*a"}]}',
      '{}',
      false,
    ],
    ['cidr of one address', '{"a":[{"cidr":"10.0.0.1/32"}]}', '{"a":"10.0.0.1"}', 'error'],
    ['cidr with a foreign family', '{"a":[{"cidr":"10.0.0.0/8"}]}', '{"a":"2001:db8::1"}', false],
    ['two operators in one condition', '{"a":[{"prefix":"x","suffix":"y"}]}', '{"a":"xy"}', 'error'],
    ['a list within a list', '{"a":[["x"]]}', '{"a":"x"}', 'error'],
    ['an empty object', '{"a":{}}', '{"a":"x"}', 'error'],
    ['an empty pattern', '{}', '{"a":"x"}', 'error'],
    ['$or of one', '{"$or":[{"a":["x"]}]}', '{"a":"x"}', 'error'],
    ['$or of values', '{"$or":["a","b"]}', '{"a":"x"}', 'error'],
    ['$or beside a field', '{"s":["s"],"$or":[{"a":["x"]},{"b":["y"]}]}', '{"s":"s","b":"y"}', true],
    ['$or with the field beside it failing', '{"s":["s"],"$or":[{"a":["x"]},{"b":["y"]}]}', '{"s":"t","b":"y"}', false],
    ['$or within $or', '{"$or":[{"a":["x"],"$or":[{"c":["1"]},{"d":["2"]}]},{"b":["y"]}]}', '{"a":"x","d":"2"}', true],
    ['$or takes no field from another alternative', '{"$or":[{"a":["x"],"c":["1"]},{"b":["y"]}]}', '{"a":"x","c":"2"}', false],
    ['an operator name as field inside $or', '{"$or":[{"prefix":["x"]},{"b":["y"]}]}', '{"b":"y"}', 'error'],
    ['an inherited property is no operator', '{"a":[{"toString":"x"}]}', '{"a":"x"}', 'error'],
    ['text after the pattern', '{"a":["x"]} {}', '{"a":"x"}', 'error'],
    ['unicode escapes are decoded', '{"a":["\\u00e9"]}', '{"a":"é"}', true],
    ['two wholly different keys of one object', '{"d":{"a":["x"]},"d":{"b":["y"]}}', '{"d":{"a":"z","b":"y"}}', false],
  ];

  it.each(cases)('%s', (_title, pattern, event, expected) => {
    expect(verdict(pattern, event)).toBe(expected);
  });

  it('fails on more than 1000 combinations of $or', () => {
    const two = '{"a":["1"]},{"b":["2"]}';
    const nested = Array.from({ length: 10 }, (_, i) => `"k${i}":{"$or":[${two}]}`).join();
    expect(() => compilePattern(`{${nested}}`)).toThrow('$or makes 1024 combinations, and 1000 are allowed: split the rule');
  });

  it('fails with the path, the value and the remedy', () => {
    expect(() => compilePattern('{"detail":{"state":"on"}}')).toThrow('"detail.state" is the string on: write a list, such as ["value"]');
    expect(() => compilePattern('{"a":[{"PREFIX":"x"}]}')).toThrow(/^"a" uses the unknown operator "PREFIX": use one of prefix, suffix/);
    expect(() => compilePattern("{'a': 1}")).toThrow(/not json.*offset 1/);
  });

  it('fails on an event that is no object', () => {
    const pattern = compilePattern('{"a":["x"]}');
    expect(() => matchesPattern(pattern, '["a"]')).toThrow(InvalidEventError);
    expect(() => matchesPattern(pattern, '{"a":')).toThrow(InvalidEventError);
    expect(() => matchesEvent(pattern, undefined)).toThrow(InvalidEventError);
  });

  it('matches parsed events like their text', () => {
    const pattern = compilePattern('{"detail":{"count":[{"numeric":[">",1]}],"tags":["b"]}}');
    expect(matchesEvent(pattern, { detail: { count: 2, tags: ['a', 'b'] } })).toBe(true);
    expect(matchesEvent(pattern, { detail: { count: 1, tags: ['b'] } })).toBe(false);
  });
});
