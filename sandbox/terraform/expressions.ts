/**
 * Terraform's template expressions, as far as a reviewed plan of this project needs them: references and indexes.
 *
 * `${type.name.attribute}`, `${data.type.name.attribute}`, `${var.name}`, `${local.name}`, followed by `.name`, `[0]` or `["key"]`;
 * `$${` and `%%{` stand for themselves. Anything else (function calls, splats, operators, directives) is refused by name, because a
 * wrong guess would make the sandbox wire something that Terraform would not.
 * Source: Terraform documentation, "Strings and Templates" and "References to Named Values".
 */
import type { Json, JsonObject } from './template.ts';

/** What an expression points at. `address` is `type.name`, `data.type.name`, `var.name` or `local.name`; `path` goes on from there. */
export interface Reference {
  readonly address: string;
  readonly path: readonly (string | number)[];
  readonly expression: string;
}

type Part = string | Reference;

/** Splits a template string into literal text and references. */
export function parseTemplate(text: string): readonly Part[] {
  const parts: Part[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    if (text.startsWith('$${', at) || text.startsWith('%%{', at)) {
      literal += text.slice(at + 1, at + 3);
      at += 3;
    } else if (text.startsWith('%{', at)) {
      throw refusal(text, 'a template directive');
    } else if (text.startsWith('${', at)) {
      const end = closingBrace(text, at + 2);
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push(parseReference(text.slice(at + 2, end).trim()));
      at = end + 1;
    } else {
      literal += text[at];
      at += 1;
    }
  }
  if (literal !== '' || parts.length === 0) parts.push(literal);
  return parts;
}

/** All references in a value, however deep. */
export function referencesIn(value: Json): readonly Reference[] {
  if (typeof value === 'string') return parseTemplate(value).filter((part) => typeof part !== 'string');
  if (Array.isArray(value)) return value.flatMap((item: Json) => referencesIn(item));
  if (value !== null && typeof value === 'object') return Object.values(value as JsonObject).flatMap((item) => referencesIn(item));
  return [];
}

/**
 * Replaces every reference in a value. A string that is one expression takes the referenced value's own type, as in Terraform; inside a
 * longer string only text, numbers and booleans fit.
 *
 * @param lookup gives the value at an address; it throws when there is none
 */
export function resolve(value: Json, lookup: (reference: Reference) => Json): Json {
  if (typeof value === 'string') return resolveText(value, lookup);
  if (Array.isArray(value)) return value.map((item: Json) => resolve(item, lookup));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value as JsonObject).map(([key, item]) => [key, resolve(item, lookup)]));
  }
  return value;
}

function resolveText(text: string, lookup: (reference: Reference) => Json): Json {
  const parts = parseTemplate(text);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return typeof only === 'string' ? only : follow(only, lookup(only));
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = follow(part, lookup(part));
      if (value === null || typeof value === 'object') {
        throw new Error(`\${${part.expression}} is ${JSON.stringify(value)} and does not fit into a string: "${text}"`);
      }
      return String(value);
    })
    .join('');
}

function follow(reference: Reference, start: Json): Json {
  let value = start;
  for (const step of reference.path) {
    const next: Json | undefined =
      typeof step === 'number' && Array.isArray(value)
        ? value[step]
        : value !== null && typeof value === 'object' && Object.hasOwn(value, step)
          ? (value as JsonObject)[step]
          : undefined;
    if (next === undefined) {
      const known = value !== null && typeof value === 'object' ? Object.keys(value).join(', ') : JSON.stringify(value);
      throw new Error(`\${${reference.expression}}: nothing at "${step}", the sandbox knows there ${known}`);
    }
    value = next;
  }
  return value;
}

const name = /^[A-Za-z_][\w-]*/;

function parseReference(expression: string): Reference {
  const steps: (string | number)[] = [];
  const first = name.exec(expression)?.[0];
  if (first === undefined) throw refusal(expression, 'no reference');
  steps.push(first);
  let rest = expression.slice(first.length);
  while (rest !== '') {
    const step = /^\.([A-Za-z_][\w-]*)|^\.(\d+)|^\[(\d+)\]|^\["([^"\\$%]*)"\]/.exec(rest);
    if (step === null) throw refusal(expression, nameOfConstruct(rest, expression));
    const [whole, attribute, legacyIndex, index, key] = step;
    steps.push(attribute ?? key ?? Number(index ?? legacyIndex));
    rest = rest.slice(whole.length);
  }
  const length = first === 'data' ? 3 : 2;
  const address = steps.slice(0, length);
  if (address.length < length || address.some((step) => typeof step === 'number')) throw refusal(expression, 'an incomplete reference');
  if (['each', 'count', 'path', 'self', 'module', 'terraform'].includes(first)) throw refusal(expression, `"${first}"`);
  return { address: address.join('.'), path: steps.slice(length), expression };
}

function nameOfConstruct(rest: string, expression: string): string {
  if (rest.startsWith('(')) return `the function call ${expression.slice(0, expression.length - rest.length)}()`;
  if (/^(\[\*\]|\.\*)/.test(rest)) return 'a splat';
  return `"${rest.trim()}"`;
}

function refusal(expression: string, what: string): Error {
  return new Error(`\${${expression}} holds ${what}, which the sandbox does not evaluate: use a plain reference`);
}

/** The brace that ends an expression; braces in quoted text do not count. */
function closingBrace(text: string, from: number): number {
  let depth = 1;
  let quoted = false;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === '{') depth += 1;
    else if (!quoted && character === '}') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new Error(`unclosed expression in "${text}": end it with }`);
}
