import { describe, expect, test } from 'vitest';
import { logFilter } from '../../../sandbox/aws/services/log-filter.ts';

const failed = '{"level":"ERROR","code":7,"who":{"name":"ada","mail":null},"tags":["a","b"],"done":false,"cluster.name":"x"}';
const fine = '{"level":"INFO","code":3,"done":true}';
const plain = 'an ERROR here, 4720 <Data Name="x">';
const messages = { failed, fine, plain };

/** Names of the messages that a pattern lets through. */
const passing = (pattern: string): string[] => {
  const matches = logFilter(pattern);
  return Object.entries(messages).flatMap(([name, message]) => (matches(message) ? [name] : []));
};

describe('terms', () => {
  test.each([
    ['', ['failed', 'fine', 'plain']],
    ['ERROR', ['failed', 'plain']],
    ['error', []],
    ['ERROR here', ['plain']],
    ['"ERROR here"', ['plain']],
    ['"here ERROR"', []],
    ['?4720 ?INFO', ['fine', 'plain']],
    ['?"ERROR here" ?"no such"', ['plain']],
    ['-INFO', ['failed', 'plain']],
    ['ERROR -"4720 <Data"', ['failed']],
    ['"<Data Name=\\"x\\">"', ['plain']],
  ])('GIVEN the pattern %s WHEN events come THEN exactly %j pass', (pattern, expected) => {
    expect(passing(pattern)).toEqual(expected);
  });

  test.each(['EventID>4720', '?a-b', '<Data'])('fails for the term %s, which has to be in quotes', (pattern) => {
    expect(() => logFilter(pattern)).toThrow(/Invalid character\(s\) in term/);
  });
});

describe('conditions on JSON', () => {
  test.each([
    ['{ $.level = "ERROR" }', ['failed']],
    ['{ $.level != "ERROR" }', ['fine']],
    ['{ $.level = * }', ['failed', 'fine']],
    ['{ $.who.name = "a*" && $.code > 5 }', ['failed']],
    ['{ $.code = 3 || $.code = 7 }', ['failed', 'fine']],
    ['{ $.level = "INFO" || $.level = "ERROR" && $.code < 5 }', ['fine']],
    ['{ ($.level = "INFO" || $.level = "ERROR") && ($.code < 5) }', ['fine']],
    ['{ (($.code >= 7)) }', ['failed']],
    ['{ $.tags[1] = "b" }', ['failed']],
    ['{ $.tags[2] = "b" }', []],
    ['{ $.[\'cluster.name\'] = "x" }', ['failed']],
    ['{ $.who.mail IS NULL }', ['failed']],
    ['{ $.who NOT EXISTS }', ['fine']],
    ['{ $.done IS TRUE }', ['fine']],
    ['{ $.done IS FALSE }', ['failed']],
    ['{ $.level = "ERROR || INFO" }', []],
    ['{ $.toString NOT EXISTS }', ['failed', 'fine']],
  ])('GIVEN the pattern %s WHEN events come THEN exactly %j pass', (pattern, expected) => {
    expect(passing(pattern)).toEqual(expected);
  });
});

test.each([
  '[ip, user]',
  '%regex%',
  'ERROR ?a',
  '{ }',
  '{ $.a }',
  '{ $.a = }',
  '{ $.a = %x% }',
  '{ $.a > "text" }',
  '{ ($.a = 1 }',
  '{ $.a = 1 $.b = 2 }',
  '{ $.a IS NOT }',
])('fails for the pattern %s, which is not followed here, naming it', (pattern) => {
  expect(() => logFilter(pattern)).toThrow(`the sandbox does not implement the filter pattern ${pattern}`);
});
