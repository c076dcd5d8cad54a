/** What rotations tell. */
import type { RotationReason, RotationStep, Subject } from '../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, eventId, makeEvent } from '../events/identity-event.ts';
import type { RotationDependencies } from './rotation-dependencies.ts';
import type { Attempt, Proof, RotationEntry } from './rotation-ledger.ts';

/** What is rotated, where the account itself is not known: its GUID follows from the name alone. */
export const credentialSubject = (name: string): Subject => ({
  guid: eventId(name, 'credential', 0, 'CredentialRotated'),
  type: 'credential',
  name,
  dn: `credential=${name}`,
});

const about = ({ settings, store }: RotationDependencies) =>
  ({ credential: settings.name, kept: store.place, strategy: settings.strategy.kind }) as const;

/** Why that version is rotated. */
export const reasonOf = ({ request }: RotationEntry, version: string): RotationReason =>
  request?.version === version ? request.reason : 'scheduled';

/** What made that version be rotated, where an event did. */
export const causeOfVersion = ({ request }: RotationEntry, version: string): Cause | undefined =>
  request?.version === version ? request.cause : undefined;

export function rotated(
  deps: RotationDependencies,
  entry: RotationEntry,
  { version, subject, passwordLastSet = deps.now().toISOString() }: Attempt,
  { tested, unreachable, differences }: Proof,
  at: string,
): AnyIdentityEvent {
  const cause = causeOfVersion(entry, version);
  return makeEvent({
    type: 'CredentialRotated',
    domain: deps.directory.domain,
    subject,
    change: {
      ...about(deps),
      reason: reasonOf(entry, version),
      passwordLastSet,
      tested: [...tested],
      unreachable: [...unreachable],
      differences: [...differences],
    },
    revision: 0,
    at,
    occurredAt: passwordLastSet,
    ...(cause === undefined ? {} : { cause }),
    part: `${deps.settings.name}@${version}`,
  });
}

/** @param occasion what makes a repeat of the same failure the same event: the version, or the day of a check */
export function rotationFailed(
  deps: RotationDependencies,
  entry: RotationEntry | undefined,
  failure: { readonly step: RotationStep; readonly reason: string; readonly remedy: string; readonly occasion: string },
): AnyIdentityEvent {
  const { step, reason, remedy, occasion } = failure;
  const attempt = entry?.attempt;
  const cause = entry && causeOfVersion(entry, occasion);
  return makeEvent({
    type: 'CredentialRotationFailed',
    domain: deps.directory.domain,
    subject: attempt?.version === occasion ? attempt.subject : credentialSubject(deps.settings.name),
    change: { ...about(deps), step, reason, remedy },
    revision: 0,
    at: deps.now().toISOString(),
    ...(cause === undefined ? {} : { cause }),
    part: `${deps.settings.name}@${occasion}/${step}/${reason}`,
  });
}
