/** Masks what must not show in a review, and says where it was: Terraform's own sensitive values, and secrets that nobody marked. */
import { isRecord, type Json, unknownText, type Values } from './plan-values.ts';

export const sensitiveText = '(sensitive)';
export const secretText = '(secret, masked)';

/** Names of attributes and variables whose value is a secret. `TARGET_SECRET_ARN` and the like name one and hold none. */
const secretName =
  /(?:^|[_.-])(?:password|passwd|passphrase|secret_?string|secret_?binary|secret_?(?:access_?)?key|client_?secret|private_?key|api_?key|(?:access|bearer|auth|refresh|session)_?token|token|secret)(?:_?wo)?$/i;

/** Secrets by their looks: PEM private keys, AWS access keys, JSON Web Tokens, tokens of GitHub, Slack and Vault. */
const secretLook =
  /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\bgh[pousr]_[A-Za-z0-9]{36,}|\bxox[abprs]-[\w-]{10,}|\bhv[sb]\.[\w-]{20,}/;

/** What stands where a secret would, and is none: nothing, a reference of CloudFormation or of the plan, an ARN, a mask. */
const holdsNone = (text: string): boolean =>
  ['', 'none', sensitiveText, secretText, unknownText].includes(text) || /^(?:\{\{resolve:[^}]*\}\}|‹[^›]*›|arn:aws[\w-]*:.*)$/.test(text);

interface Masked<T> {
  readonly values: T;
  readonly exposed: readonly string[];
}

/**
 * @param sensitive the plan's `before_sensitive` or `after_sensitive`: true where a value is
 * @returns the values with masks, and the places of secrets that would be told
 */
export function withoutSecrets<T extends Values | undefined>(values: T, sensitive: unknown): Masked<T> {
  if (values === undefined) return { values, exposed: [] };
  const exposed: string[] = [];
  const masked = maskedValue(values, sensitive, { name: '', path: '' }, exposed);
  return { values: masked as T, exposed };
}

interface Place {
  /** The nearest name, also of what lies in a list. */
  readonly name: string;
  readonly path: string;
}

function maskedValue(value: Json, sensitive: unknown, place: Place, exposed: string[]): Json {
  if (sensitive === true) return value === null ? value : sensitiveText;
  if (typeof value === 'string') return maskedText(value, place, exposed);
  const below = (name: string): string => (place.path === '' ? name : `${place.path}.${name}`);
  if (Array.isArray(value)) {
    const of = (index: number) => (Array.isArray(sensitive) ? sensitive[index] : undefined);
    return value.map((item, index) => maskedValue(item, of(index), { name: place.name, path: below(String(index)) }, exposed));
  }
  if (isRecord(value)) {
    const entries = Object.entries(value as Values).map(([name, item]) => {
      const inner = isRecord(sensitive) ? sensitive[name] : undefined;
      return [name, maskedValue(item, inner, { name, path: below(name) }, exposed)] as const;
    });
    return Object.fromEntries(entries);
  }
  return value;
}

function maskedText(text: string, place: Place, exposed: string[]): string {
  if (holdsNone(text)) return text;
  if (secretName.test(place.name) || secretLook.test(text)) {
    exposed.push(place.path);
    return secretText;
  }
  // Settings are JSON in a text, and may hold JSON in turn.
  if (!/^\s*[[{]/.test(text)) return text;
  let inner: Json;
  try {
    inner = JSON.parse(text);
  } catch {
    return text;
  }
  const before = exposed.length;
  const masked = maskedValue(inner, undefined, place, exposed);
  return exposed.length === before ? text : JSON.stringify(masked);
}
