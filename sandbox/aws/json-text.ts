/**
 * JSON read so that the spelling of numbers and repeated keys survive, which `JSON.parse` loses. EventBridge compares a number it
 * cannot order by its text (an account id of more than 15 digits), and a pattern may name one key twice.
 */

export type JsonNode =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: JsonNode])[] }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'number' | 'boolean' | 'null'; readonly text: string };

/** The text is not JSON (RFC 8259); the message holds the offset, in UTF-16 units. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|[\u007f-\u009f])*"/uy;
const WORD = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

/** Reads one JSON value. @throws JsonTextError */
export function readJson(text: string): JsonNode {
  let at = 0;

  const fail = (expected: string): never => {
    const found = at < text.length ? JSON.stringify(text.slice(at, at + 12)) : 'the end of the text';
    throw new JsonTextError(`expected ${expected} at offset ${at}, found ${found}: send valid json`);
  };
  const take = (token: RegExp): string | undefined => {
    token.lastIndex = at;
    const found = token.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const skip = (mark: string): boolean => {
    take(SPACE);
    const here = text[at] === mark;
    if (here) at += 1;
    return here;
  };
  const string = (): string => {
    take(SPACE);
    return JSON.parse(take(STRING) ?? fail('a string')) as string;
  };
  const list = <T>(close: string, entry: () => T): T[] => {
    const entries: T[] = [];
    if (skip(close)) return entries;
    do entries.push(entry());
    while (skip(','));
    return skip(close) ? entries : fail(`"," or "${close}"`);
  };
  const value = (): JsonNode => {
    if (skip('{')) {
      return {
        kind: 'object',
        members: list('}', () => {
          const name = string();
          return skip(':') ? ([name, value()] as const) : fail('":"');
        }),
      };
    }
    if (skip('[')) return { kind: 'array', items: list(']', value) };
    if (text[at] === '"') return { kind: 'string', text: string() };
    const word = take(WORD);
    if (word !== undefined) return { kind: word === 'null' ? 'null' : 'boolean', text: word };
    const number = take(NUMBER);
    return number ? { kind: 'number', text: number } : fail('a json value');
  };

  const root = value();
  take(SPACE);
  return at === text.length ? root : fail('the end of the text');
}
