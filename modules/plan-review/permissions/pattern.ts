/**
 * Patterns of IAM as sets of texts: whether one holds all of another, and whether two have nothing in common. Where a policy variable stands,
 * nobody knows the text, so it equals itself alone.
 */

/** `*`, `?`, a character, or a policy variable `${aws:username}`, whose text only the request tells. */
type Token = string;
export type Pattern = readonly Token[];

const any = '*';
const one = '?';
/** Characters that stand for themselves although they look like wildcards (`${*}`). A code point of private use comes before them. */
const quoted = '\ue000';

export interface PatternSyntax {
  /** False where `*` and `?` are characters: StringEquals. */
  readonly wildcards: boolean;
  readonly ignoreCase?: boolean;
}

export function parsePattern(text: string, { wildcards, ignoreCase = false }: PatternSyntax): Pattern {
  const parts = text.match(/\$\{[^}]*\}|./gsu) ?? [];
  return inOrder(
    parts.map((part) => {
      const [, escaped] = /^\$\{([*?$])\}$/.exec(part) ?? [];
      if (escaped !== undefined) return `${quoted}${escaped}`;
      if (part.length > 2 && part.startsWith('${')) return part;
      if (part === any || part === one) return wildcards ? part : `${quoted}${part}`;
      return ignoreCase ? part.toLowerCase() : part;
    }),
  );
}

/** `*?` and `?*` are the same: in a run of wildcards `?` first, and one `*`. */
function inOrder(tokens: Pattern): Pattern {
  const ordered: Token[] = [];
  let [ones, hasAny] = [0, false];
  const flush = () => {
    ordered.push(...Array.from({ length: ones }, () => one), ...(hasAny ? [any] : []));
    [ones, hasAny] = [0, false];
  };
  for (const token of tokens) {
    if (token === any) hasAny = true;
    else if (token === one) ones += 1;
    else {
      flush();
      ordered.push(token);
    }
  }
  flush();
  return ordered;
}

const isVariable = (token: Token | undefined): boolean => token !== undefined && token.length > 2 && token.startsWith('${');

export const isEverything = (pattern: Pattern): boolean => pattern.length === 1 && pattern[0] === any;

/**
 * Whether every text of `inner` is one of `outer`: the wildcards of `inner` are taken for characters that only a wildcard of `outer` matches.
 * True is certain; false may be too careful.
 */
export function contains(outer: Pattern, inner: Pattern): boolean {
  return alongside(outer, inner, (o, i) => {
    if (o === one) return i !== any && !isVariable(i);
    return o === i && o !== any;
  });
}

/** Dynamic programming over both patterns; `*` of `outer` takes any run of `inner`. */
function alongside(outer: Pattern, inner: Pattern, matches: (outer: Token, inner: Token) => boolean): boolean {
  // reachable[i]: the tokens of outer so far may have taken the first i tokens of inner.
  let reachable = inner.map(() => false);
  reachable = [true, ...reachable];
  for (const o of outer) {
    const next = reachable.map(() => false);
    for (let i = 0; i <= inner.length; i++) {
      const token = inner[i - 1];
      if (o === any) next[i] = (reachable[i] ?? false) || (i > 0 && (next[i - 1] ?? false));
      else next[i] = token !== undefined && (reachable[i - 1] ?? false) && matches(o, token);
    }
    reachable = next;
  }
  return reachable[inner.length] ?? false;
}

/** Whether no text is of both. True is certain; with variables it is false. */
export function areDisjoint(left: Pattern, right: Pattern): boolean {
  if (left.some(isVariable) || right.some(isVariable)) return false;
  const met = new Set<number>();
  const width = right.length + 1;
  const queue: [number, number][] = [[0, 0]];
  const visit = (l: number, r: number) => {
    const key = l * width + r;
    if (met.has(key)) return;
    met.add(key);
    queue.push([l, r]);
  };
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    const [l, r] = state;
    if (l === left.length && r === right.length) return false;
    const [a, b] = [left[l], right[r]];
    if (a === any) visit(l + 1, r);
    if (b === any) visit(l, r + 1);
    if (a === undefined || b === undefined) continue;
    // Both take one character, of which a wildcard may take any.
    if (a === any || a === one || b === any || b === one || a === b) visit(a === any ? l : l + 1, b === any ? r : r + 1);
  }
  return true;
}
