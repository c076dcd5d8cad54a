import type { AwsError } from '../error.ts';
import { isRecord } from '../input.ts';

// Conditions on JSON log events ("Using filter patterns to match terms in JSON log events"): comparisons, IS TRUE, IS FALSE, IS NULL
// and NOT EXISTS, joined by &&, which binds closer, and ||, with parentheses.

type Condition = (event: unknown) => boolean;
type Refuse = (pattern: string) => AwsError;

const path = String.raw`\$(?:\.[\w-]+|\.?\[\d+\]|\.?\['[^']+'\])+`;
const token = new RegExp(
  String.raw`\s*(?:(?<path>${path})|(?<text>"(?:[^"\\]|\\.)*")|(?<sign>&&|\|\||[()]|!=|>=|<=|[=<>])|(?<word>[^\s()"=<>!&|%]+))`,
  'y',
);

interface Token {
  readonly kind: 'path' | 'text' | 'sign' | 'word';
  readonly text: string;
}

function tokens(inner: string, refuse: () => AwsError): Token[] {
  const found: Token[] = [];
  token.lastIndex = 0;
  const source = inner.trimEnd();
  while (token.lastIndex < source.length) {
    const { groups } = token.exec(source) ?? {};
    const [kind, text] = Object.entries(groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    if (kind === undefined || text === undefined) throw refuse();
    found.push({ kind: kind as Token['kind'], text });
  }
  return found;
}

/** The value at a selector such as `$.users[0].name`; undefined where there is none. */
export function selectJson(event: unknown, selector: string): unknown {
  const steps = [...selector.matchAll(/\.?\[(\d+)\]|\.?\['([^']+)'\]|\.([\w-]+)/g)];
  return steps.reduce<unknown>((at, [, index, quoted, name]) => {
    if (index !== undefined) return Array.isArray(at) ? at[Number(index)] : undefined;
    const member = quoted ?? name ?? '';
    return isRecord(at) && Object.hasOwn(at, member) ? at[member] : undefined;
  }, event);
}

export const isSelector = (text: string): boolean => new RegExp(`^${path}$`).test(text);

const orders: Readonly<Record<string, (value: number, wanted: number) => boolean>> = {
  '=': (value, wanted) => value === wanted,
  '!=': (value, wanted) => value !== wanted,
  '>': (value, wanted) => value > wanted,
  '<': (value, wanted) => value < wanted,
  '>=': (value, wanted) => value >= wanted,
  '<=': (value, wanted) => value <= wanted,
};

/** Text, with * for any characters. */
function textMatches(wanted: string): (text: string) => boolean {
  const parts = wanted.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`, 's');
  return (text) => expression.test(text);
}

/** @param refuse what to throw for a pattern that is not followed */
export function jsonFilter(pattern: string, refuse: Refuse): (message: string) => boolean {
  const refusal = (): AwsError => refuse(pattern);
  const left = tokens(pattern.slice(1, -1), refusal);
  const isNext = (text: string): boolean => left[0]?.text === text && left[0].kind === 'sign';

  function either(): Condition {
    const parts = [both()];
    while (isNext('||')) {
      left.shift();
      parts.push(both());
    }
    return (event) => parts.some((part) => part(event));
  }
  function both(): Condition {
    const parts = [single()];
    while (isNext('&&')) {
      left.shift();
      parts.push(single());
    }
    return (event) => parts.every((part) => part(event));
  }
  function single(): Condition {
    const first = left.shift();
    if (first?.kind === 'sign' && first.text === '(') {
      const inner = either();
      if (!isNext(')')) throw refusal();
      left.shift();
      return inner;
    }
    const operator = left.shift();
    if (first?.kind !== 'path' || operator === undefined) throw refusal();
    return operator.kind === 'word' ? stated(first.text, operator.text) : compared(first.text, operator.text);
  }
  function stated(selector: string, word: string): Condition {
    const what = `${word} ${left.shift()?.text}`.toUpperCase();
    const conditions: Readonly<Record<string, (value: unknown) => boolean>> = {
      'NOT EXISTS': (value) => value === undefined,
      'IS NULL': (value) => value === null,
      'IS TRUE': (value) => value === true,
      'IS FALSE': (value) => value === false,
    };
    const condition = conditions[what];
    if (condition === undefined) throw refusal();
    return (event) => condition(selectJson(event, selector));
  }
  function compared(selector: string, operator: string): Condition {
    const value = left.shift();
    const order = orders[operator];
    if (order === undefined || (value?.kind !== 'text' && value?.kind !== 'word')) throw refusal();
    if (value.kind === 'word' && /^-?\d+(\.\d+)?$/.test(value.text)) {
      const wanted = Number(value.text);
      return (event) => {
        const found = selectJson(event, selector);
        return typeof found === 'number' && order(found, wanted);
      };
    }
    if (operator !== '=' && operator !== '!=') throw refusal();
    const matches = textMatches(value.kind === 'text' ? value.text.slice(1, -1).replace(/\\(.)/g, '$1') : value.text);
    return (event) => {
      const found = selectJson(event, selector);
      if (found === undefined || typeof found === 'object') return false;
      return matches(String(found)) === (operator === '=');
    };
  }

  const condition = either();
  if (left.length > 0) throw refusal();
  return (message) => {
    const event = parsed(message);
    return event !== undefined && condition(event);
  };
}

/** @returns undefined for a message that is no JSON: a JSON pattern matches JSON events alone */
export function parsed(message: string): unknown {
  try {
    return JSON.parse(message) as unknown;
  } catch {
    return undefined;
  }
}
