/**
 * The `wildcard` operator: `*` stands for any number of characters, `\*` and `\\` for themselves
 * (EventBridge user guide, "Wildcard matching").
 */

import { ANY, type GlobToken } from '../glob.ts';
import { invalid } from './invalid-pattern.ts';

/** @throws InvalidEventPatternError for `**` and for a backslash before any other character */
export function parseWildcard(text: string, path: string): GlobToken[] {
  const tokens: GlobToken[] = [];
  for (const [token] of text.matchAll(/\\?[\s\S]/gu)) {
    if (token === '*') {
      if (tokens.at(-1) === ANY) invalid(`wildcard "${text}" of "${path}" has two * in a row: write one`);
      tokens.push(ANY);
    } else if (token.startsWith('\\')) {
      if (token !== '\\*' && token !== '\\\\') {
        invalid(`wildcard "${text}" of "${path}" has a stray backslash: write \\\\ for a backslash and \\* for an asterisk`);
      }
      tokens.push(token.slice(1));
    } else tokens.push(token);
  }
  return tokens;
}

/**
 * EventBridge refuses a field whose wildcards one value could half-match in too many ways at once ("Wildcards and event pattern
 * complexity"); it publishes neither measure nor limit. The measure here is the one event-ruler's README describes: the largest number
 * of wildcard prefixes, over all wildcards of the field, that a single value can match. Ten is the count of the pattern that AWS is
 * recorded to reject; those it is recorded to accept stay below.
 */
export const WILDCARD_COMPLEXITY_LIMIT = 10;

/** True when some value matches WILDCARD_COMPLEXITY_LIMIT or more prefixes of the wildcards at once. */
export function tooComplex(wildcards: readonly (readonly GlobToken[])[]): boolean {
  // All wildcards end to end, each led by an undefined: a prefix is named by the index of its last token.
  const tokens = wildcards.flatMap((wildcard) => [undefined, ...wildcard]);
  const alphabet = new Set(tokens.filter((token) => typeof token === 'string'));
  const starts = tokens.flatMap((token, index) => (token === undefined ? [index] : []));

  const extended = (prefix: number, character: string | undefined): number[] => {
    const reachable = [prefix + 1];
    if (tokens[prefix] === ANY) reachable.push(prefix);
    if (tokens[prefix + 1] === ANY) reachable.push(prefix + 2);
    return reachable.filter((p) => tokens[p] === ANY || (character !== undefined && tokens[p] === character));
  };

  const seen = new Set<string>();
  const pending: number[][] = [starts];
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    // undefined: any character that no wildcard spells out
    for (const character of [...alphabet, undefined]) {
      const next = new Set(here.flatMap((prefix) => extended(prefix, character)));
      const following = [...next].map((p) => p + 1).filter((p) => tokens[p] === ANY);
      if (new Set([...next, ...following]).size >= WILDCARD_COMPLEXITY_LIMIT) return true;
      const prefixes = [...next].sort((a, b) => a - b);
      const key = prefixes.join();
      if (!seen.has(key)) {
        seen.add(key);
        pending.push(prefixes);
      }
    }
  }
  return false;
}
