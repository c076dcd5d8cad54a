/** The queues of the targets. */
import * as v from 'valibot';
import { ConfigurationError } from '../platform/errors.ts';

const schema = v.record(v.pipe(v.string(), v.nonEmpty()), v.pipe(v.string(), v.url()));

/** Reads ROLE_QUEUES: URL of each target's queue by the target's name. @throws ConfigurationError when it is no such list, or an empty one */
export function parseRoleQueues(json: string): ReadonlyMap<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success && Object.keys(parsed.output).length > 0) return new Map(Object.entries(parsed.output));
  throw new ConfigurationError(
    `ROLE_QUEUES is ${json}, expected {"<target>": "<queue URL>"}: deploy the function with the module that owns it`,
  );
}
