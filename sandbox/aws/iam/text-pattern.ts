/**
 * The strings of policies: text with the wildcards `*` and `?` and, in documents of version 2012-10-17, policy variables
 * ("IAM policy elements: Variables and tags").
 */

import { ANY, type GlobToken, matchesGlob, ONE } from '../glob.ts';
import { malformed } from './policy-errors.ts';
import type { RequestContext } from './request-context.ts';

interface Variable {
  readonly key: string;
  readonly fallback?: string;
}

export type TextPattern = readonly (GlobToken | Variable)[];

export interface Syntax {
  readonly wildcards: boolean;
  /** False for documents of version 2008-10-17, where `${…}` is plain text. */
  readonly variables: boolean;
}

const isVariable = (token: GlobToken | Variable): token is Variable => typeof token === 'object';

/** @throws MalformedPolicyError for a `${` that begins no variable */
export function parseTextPattern(text: string, syntax: Syntax, where: string): TextPattern {
  const tokens: (GlobToken | Variable)[] = [];
  for (let rest = text; rest !== ''; ) {
    if (syntax.variables && rest.startsWith('${')) {
      const [whole, name, fallback] = /^\$\{([^{},']+?)(?:, *'([^']*)')?\}/.exec(rest) ?? [];
      if (whole === undefined || name === undefined) {
        return malformed(
          `"${text}" in ${where} has a broken policy variable: write \${key}, \${key, 'default'}, or \${$} for a dollar sign`,
        );
      }
      if (name === '*' || name === '?' || name === '$') tokens.push(name);
      else tokens.push(fallback === undefined ? { key: name } : { key: name, fallback });
      rest = rest.slice(whole.length);
    } else {
      const [character = ''] = rest;
      if (syntax.wildcards && character === '*') tokens.push(ANY);
      else if (syntax.wildcards && character === '?') tokens.push(ONE);
      else tokens.push(character);
      rest = rest.slice(character.length);
    }
  }
  return tokens;
}

export function hasVariable(pattern: TextPattern): boolean {
  return pattern.some(isVariable);
}

/** The colons that stand before the first variable: Infinity without one. */
export function colonsBeforeVariable(pattern: TextPattern): number {
  const first = pattern.findIndex(isVariable);
  return first < 0 ? Number.POSITIVE_INFINITY : pattern.slice(0, first).filter((token) => token === ':').length;
}

/**
 * The pattern with its variables replaced by values of the request; a replaced value is text, its `*` is no wildcard. Undefined when a
 * variable has neither a value nor a default, which makes AWS treat the statement as invalid.
 */
export function resolved(pattern: TextPattern, context: RequestContext): readonly GlobToken[] | undefined {
  const tokens: GlobToken[] = [];
  for (const token of pattern) {
    if (!isVariable(token)) {
      tokens.push(token);
      continue;
    }
    const value = context.value(token.key) ?? token.fallback;
    if (value === undefined) return undefined;
    if (typeof value !== 'string')
      return malformed(`policy variable \${${token.key}} has several values: only single-valued keys can be variables`);
    tokens.push(...value);
  }
  return tokens;
}

export function matchesIgnoringCase(tokens: readonly GlobToken[], text: string): boolean {
  const folded = tokens.flatMap((token): GlobToken[] => (typeof token === 'string' ? [...token.toLowerCase()] : [token]));
  return matchesGlob(folded, text.toLowerCase());
}

/**
 * Component by component: a wildcard does not reach over a colon, but for the sixth component, which is the rest of the ARN
 * ("Amazon Resource Name (ARN) condition operators").
 */
export function matchesArn(tokens: readonly GlobToken[], arn: string): boolean {
  const patternParts = splitAtColons(tokens);
  const parts = splitAtColons([...arn]);
  return parts.length === 6 && patternParts.length === 6 && patternParts.every((part, i) => matchesGlob(part, (parts[i] ?? []).join('')));
}

/** At most six parts, the last one with any further colons. */
export function splitAtColons<T>(tokens: readonly T[]): T[][] {
  const parts: T[][] = [[]];
  for (const token of tokens) {
    if (token === ':' && parts.length < 6) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}
