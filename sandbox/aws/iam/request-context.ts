/** The request context: condition keys, whose names are case-insensitive ("AWS global condition context keys"), and their values. */

/** A key with a list of values is a multivalued key, even when the list has one entry or none. */
export type ContextRecord = Readonly<Record<string, string | readonly string[]>>;

export interface RequestContext {
  value(key: string): string | readonly string[] | undefined;
}

/** Later records win over earlier ones. */
export function requestContext(...records: readonly ContextRecord[]): RequestContext {
  const values = new Map(records.flatMap(Object.entries).map(([key, value]) => [key.toLowerCase(), value] as const));
  return { value: (key) => values.get(key.toLowerCase()) };
}
