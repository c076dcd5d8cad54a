/** What detect-changes captures of a directory, checked as the function itself will check it. */
import { Token } from 'cdktf';
import { type CaptureOptions, type CaptureSettings, captureJson, captureSettings } from '../../handlers/directory/capture-settings.ts';
import { distinguishedNameKey, namingContextOf } from '../../handlers/directory/distinguished-name.ts';
import { hasToken, WrongPropError } from '../platform/prop-checks.ts';

/**
 * - `mode`: `replication` reads with the right "Replicating Directory Changes"; `object-security` with an ordinary account's rights, and finds
 *   deletions by verification.
 * - `attributes`: names of further attributes whose changes are told with old and new values; at most 40, no secret.
 * - `scope`: which objects are told of, by organizational unit of the directory's own domain, group or LDAP filter.
 * - `verifyEveryHours`: hours between two passes that look up what may be gone, 1 to 168.
 * - `guard`: most objects and memberships, counted together, that one pass deletes without an approval: `most`, at most 2,000, and `share` of all.
 */
export type CaptureProps = Omit<CaptureOptions, 'actorsTable'>;

/**
 * The environment variable `CAPTURE`.
 *
 * @param actorsTable name of the table with hints at who did it, when the directory's Security log is read
 * @throws WrongPropError naming each wrong value
 */
export function captureVariable(
  directory: { readonly name: string; readonly domain: string },
  capture: CaptureProps,
  actorsTable: string | undefined,
): string {
  const prop = `capture of directory "${directory.name}"`;
  if (hasToken(capture)) throw new WrongPropError(`${prop} is known only at apply: write it in the props, so that it can be checked`);
  if (typeof capture === 'object' && capture !== null && 'actorsTable' in capture) {
    throw new WrongPropError(`${prop} has actorsTable: leave it out, it follows from securityLog`);
  }
  try {
    const settings = captureSettings(capture);
    refuseForeignUnits(settings, directory.domain);
    return captureJson(actorsTable === undefined ? settings : { ...settings, actorsTable });
  } catch (error) {
    throw new WrongPropError(`${prop}: ${(error as Error).message}`, { cause: error });
  }
}

/** DirSync reads one naming context (MS-ADTS section 3.1.1.3.4.1.3): a unit of another domain would never fit, and `include` leave out all. */
function refuseForeignUnits({ scope }: CaptureSettings, domain: string): void {
  if (Token.isUnresolved(domain)) return;
  const context = namingContextOf(domain);
  for (const rule of ['include', 'exclude'] as const) {
    for (const unit of scope[rule]?.organizationalUnits ?? []) {
      if (domainParts(unit) === domainParts(context)) continue;
      throw new WrongPropError(`scope.${rule}.organizationalUnits has "${unit}": give one that lies in ${context}`);
    }
  }
}

/** The domain components that a distinguished name ends with, in a form to compare. */
function domainParts(name: string): string {
  const parts: readonly (readonly (readonly [type: string, value: string])[])[] = JSON.parse(distinguishedNameKey(name));
  const last = parts.findLastIndex((part) => part[0]?.[0] !== 'dc');
  return JSON.stringify(parts.slice(last + 1));
}
