/** Environment variables of a function: one `as const` list a function, shared with the construct that sets them. */
import { ConfigurationError } from './errors.ts';

export type Environment<Names extends readonly string[]> = { readonly [Name in Names[number]]: string };

/**
 * Reads the listed variables.
 *
 * @throws ConfigurationError naming every missing or empty variable at once.
 */
export function readEnvironment<const Names extends readonly string[]>(
  names: Names,
  source: Readonly<Record<string, string | undefined>> = process.env,
): Environment<Names> {
  const missing = names.filter((name) => !source[name]);
  if (missing.length > 0) {
    throw new ConfigurationError(`environment variables missing: ${missing.join(', ')}; deploy the function with the module that owns it`);
  }
  return Object.fromEntries(names.map((name) => [name, source[name]])) as Environment<Names>;
}
