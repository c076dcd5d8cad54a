import { AwsError } from '../error.ts';
import { isRecord } from '../input.ts';

// Filter patterns of CloudWatch Logs ("Filter pattern syntax"): terms, quoted phrases, and comparisons in JSON joined by && or ||.
// Anything else is refused, as a filter that is misread would hide events.

const refuse = (pattern: string): AwsError =>
  new AwsError(
    'NotImplemented',
    `the sandbox does not implement the filter pattern ${pattern}; use words, "a phrase", or { $.member = "value" && … }`,
    501,
  );

type Predicate = (message: string) => boolean;

function selected(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), value);
}

function comparison(text: string, pattern: string): (event: unknown) => boolean {
  const match = /^\s*\(?\s*\$\.([\w.-]+)\s*(=|!=|>=|<=|>|<)\s*(?:"([^"]*)"|(-?\d+(?:\.\d+)?)|([\w*.:-]+))\s*\)?\s*$/.exec(text);
  if (!match) throw refuse(pattern);
  const [, path = '', operator, quoted, number, bare] = match;
  if (number !== undefined) {
    const wanted = Number(number);
    return (event) => {
      const value = selected(event, path);
      if (typeof value !== 'number') return false;
      if (operator === '=') return value === wanted;
      if (operator === '!=') return value !== wanted;
      if (operator === '>') return value > wanted;
      if (operator === '<') return value < wanted;
      return operator === '>=' ? value >= wanted : value <= wanted;
    };
  }
  const wanted = quoted ?? bare ?? '';
  if (operator !== '=' && operator !== '!=') throw refuse(pattern);
  const expression = new RegExp(
    `^${wanted
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  );
  return (event) => {
    const value = selected(event, path);
    if (value === undefined || typeof value === 'object') return false;
    return expression.test(String(value)) === (operator === '=');
  };
}

function jsonFilter(pattern: string): Predicate {
  const inner = pattern.trim().slice(1, -1);
  if (inner.includes('&&') && inner.includes('||')) throw refuse(pattern);
  const any = inner.includes('||');
  const parts = inner.split(any ? '||' : '&&').map((part) => comparison(part, pattern));
  return (message) => {
    let event: unknown;
    try {
      event = JSON.parse(message);
    } catch {
      return false; // a JSON pattern matches JSON events alone
    }
    return any ? parts.some((part) => part(event)) : parts.every((part) => part(event));
  };
}

/** @throws AwsError NotImplemented for a pattern that is beyond this */
export function logFilter(pattern: string | undefined): Predicate {
  const trimmed = pattern?.trim() ?? '';
  if (trimmed === '') return () => true;
  if (trimmed.startsWith('{') && trimmed.endsWith('}')) return jsonFilter(trimmed);
  const terms = [...trimmed.matchAll(/"([^"]*)"|(\S+)/g)].map(([, phrase, word]) => phrase ?? word ?? '');
  if (/[[\]{}%?]/.test(trimmed.replace(/"[^"]*"/g, '')) || terms.some((term) => term.startsWith('-'))) throw refuse(trimmed);
  return (message) => terms.every((term) => message.includes(term));
}
