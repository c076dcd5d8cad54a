/** Values of an LDAP entry, as ldapts reads one, as text. */
import type { Entry } from 'ldapts';

export function textsOf(entry: Entry | undefined, attribute: string): readonly string[] {
  const value = entry?.[attribute];
  return value === undefined ? [] : (Array.isArray(value) ? value : [value]).map(String);
}

export const textOf = (entry: Entry | undefined, attribute: string): string | undefined => textsOf(entry, attribute)[0];
