/** Whether passwords rotate: how old each is, and what keeps it from the next rotation. */
import type { CredentialSettings } from '../../credentials/credential-settings.ts';
import { isUnderWay, type RotationEntry } from '../../credentials/rotation-ledger.ts';
import { ago, attention, broken, type Line, linesOf, ok, pages, secondsSince, span } from './line.ts';
import type { CredentialsReading } from './readings.ts';

const daySeconds = 86_400;

export const credentialLines = ({ functionName, credentials }: CredentialsReading, now: Date): readonly Line[] =>
  linesOf(`credentials of ${functionName}`, credentials, (all) => all.map(({ settings, entry }) => credentialLine(settings, entry, now)));

function credentialLine({ name, everyDays }: CredentialSettings, entry: RotationEntry, now: Date): Line {
  const of = `credential ${name}`;
  const { rotated, since, attempt, failure, untaken } = entry;
  // Reasons come from the directory or the store and name accounts and places; no value is ever in them.
  if (untaken !== undefined)
    return broken(of, `the directory takes none of its passwords since ${untaken.at}: ${untaken.reason}`, pages.rotationFailed);
  if (failure !== undefined)
    return broken(of, 'failed, and no rotation succeeded since (CREDENTIAL_ROTATION_FAILED)', pages.rotationFailed);
  if (attempt !== undefined && !isUnderWay(attempt, now))
    return attention(of, `a rotation began ${ago(attempt.since, now)} and has not ended`, pages.rotationFailed);
  const from = rotated?.at ?? since;
  if (from === undefined) return attention(of, 'was never looked at', pages.rotationFailed);
  const left = everyDays * daySeconds - secondsSince(from, now);
  const fact = rotated === undefined ? `was not rotated since it was seen first, ${ago(from, now)}` : `rotated ${ago(from, now)}`;
  return left < 0 ? attention(of, `${fact}, overdue for ${span(-left)}`, pages.rotationFailed) : ok(of, `${fact}, due in ${span(left)}`);
}
