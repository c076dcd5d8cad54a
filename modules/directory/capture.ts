/** What detect-changes captures of a directory, checked as the function itself will check it. */
import { Token } from 'cdktf';
import { type CaptureOptions, captureJson, captureSettings } from '../../handlers/directory/capture-settings.ts';
import { WrongPropError } from '../platform/prop-checks.ts';

/**
 * - `mode`: `replication` reads with the right "Replicating Directory Changes"; `object-security` with an ordinary account's rights, and finds
 *   deletions by verification.
 * - `attributes`: names of further attributes whose changes are told with old and new values; at most 40, no secret.
 * - `scope`: which objects are told of, by organizational unit, group or LDAP filter.
 * - `verifyEveryHours`: hours between two passes that look up what may be gone, 1 to 168.
 * - `guard`: most objects that one pass deletes without an approval, by count and by share of all.
 */
export type CaptureProps = Omit<CaptureOptions, 'actorsTable'>;

/**
 * The environment variable `CAPTURE`.
 *
 * @param actorsTable name of the table with hints at who did it, when the directory's Security log is read
 * @throws WrongPropError naming each wrong value
 */
export function captureVariable(directory: string, capture: CaptureProps, actorsTable: string | undefined): string {
  const prop = `capture of directory "${directory}"`;
  if (hasToken(capture)) throw new WrongPropError(`${prop} is known only at apply: write it in the props, so that it can be checked`);
  if (typeof capture === 'object' && capture !== null && 'actorsTable' in capture) {
    throw new WrongPropError(`${prop} has actorsTable: leave it out, it follows from securityLog`);
  }
  try {
    const settings = captureSettings(capture);
    return captureJson(actorsTable === undefined ? settings : { ...settings, actorsTable });
  } catch (error) {
    throw new WrongPropError(`${prop}: ${(error as Error).message}`, { cause: error });
  }
}

function hasToken(value: unknown): boolean {
  if (Token.isUnresolved(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasToken);
}
