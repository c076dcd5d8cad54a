/** Filters of RFC 7644 section 3.4.2.2: `eq` and `and` alone, because some servers know no more. */

/** A value is a JSON string there: quotes and backslashes are escaped as in JSON. */
export const eq = (attribute: string, value: string): string => `${attribute} eq ${JSON.stringify(value)}`;

export const and = (...filters: readonly string[]): string => filters.join(' and ');
