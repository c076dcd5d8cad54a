import { AwsError } from '../error.ts';
import { jsonFilter } from './log-filter-json.ts';

// Filter patterns of CloudWatch Logs ("Filter pattern syntax"): terms and quoted phrases, all of them, any of them (`?`) or none of them
// (`-`); and conditions on JSON. Anything else is refused, as a filter that is misread would hide events.

export type LogFilter = (message: string) => boolean;

const refuse = (pattern: string): AwsError =>
  new AwsError(
    'NotImplemented',
    `the sandbox does not implement the filter pattern ${pattern}; use words, "phrases", ?any ?of, -none, or { $.member = "value" && … }`,
    501,
  );

interface Term {
  readonly sign: string;
  readonly text: string;
}

const term = /([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g;

function readTerm([, sign = '', phrase, word]: RegExpExecArray): Term {
  if (phrase !== undefined) return { sign, text: phrase.replace(/\\(.)/g, '$1') };
  // "Metric filter terms that include characters other than alphanumeric or underscore must be placed inside double quotes".
  if (word === undefined || !/^\w+$/.test(word)) throw new AwsError('InvalidParameterException', `Invalid character(s) in term '${word}'`);
  return { sign, text: word };
}

/**
 * @throws AwsError InvalidParameterException for a pattern that AWS refuses
 * @throws AwsError NotImplemented for one beyond what is followed here: space-delimited fields, regular expressions
 */
export function logFilter(pattern: string | undefined): LogFilter {
  const trimmed = pattern?.trim() ?? '';
  if (trimmed === '') return () => true;
  if (trimmed.startsWith('{') && trimmed.endsWith('}')) return jsonFilter(trimmed, refuse);
  if (/[[\]{}%]/.test(trimmed.replace(/"(?:[^"\\]|\\.)*"/g, ''))) throw refuse(trimmed);
  const terms = [...trimmed.matchAll(term)].map(readTerm);
  const signed = (sign: string): string[] => terms.filter((one) => one.sign === sign).map(({ text }) => text);
  const [all, any, none] = [signed(''), signed('?'), signed('-')];
  // AWS ignores `?` beside others, so that the pattern does not mean what it says.
  if (any.length > 0 && all.length + none.length > 0) throw refuse(trimmed);
  return (message) => {
    const has = (text: string): boolean => message.includes(text);
    return all.every(has) && !none.some(has) && (any.length === 0 || any.some(has));
  };
}
