/** Matching of a text against literal characters, "any characters" and "one character", without backtracking. */

export const ANY = Symbol('any number of characters');
export const ONE = Symbol('exactly one character');

/** A literal token is one Unicode character. */
export type GlobToken = string | typeof ANY | typeof ONE;

/** Time is bounded by tokens × characters: only the last "any" is ever reconsidered, which is enough for globs. */
export function matchesGlob(tokens: readonly GlobToken[], text: string): boolean {
  const characters = [...text];
  let token = 0;
  let lastAny = -1;
  let resumeAt = 0;
  let at = 0;
  while (at < characters.length) {
    const wanted = tokens[token];
    if (wanted === ANY) {
      lastAny = token;
      token += 1;
      resumeAt = at;
    } else if (wanted === ONE || (wanted !== undefined && wanted === characters[at])) {
      token += 1;
      at += 1;
    } else if (lastAny >= 0) {
      token = lastAny + 1;
      resumeAt += 1;
      at = resumeAt;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === ANY);
}
