/** rotate-credential around one credential of a real domain, and events as its queue brings them. */
import type { RotateCredentialDependencies } from '../../handlers/credentials/rotate-credential/rotate-credential.ts';
import type { RotationDependencies } from '../../handlers/credentials/rotation-dependencies.ts';
import type { Subject } from '../../handlers/events/catalogue.ts';
import { makeEvent, toEntry } from '../../handlers/events/identity-event.ts';
import type { Rotating } from './rotation-world.ts';

/** @param change of what the credential is rotated with @returns also the versions that Secrets Manager was asked to rotate to */
export function functionOf(one: Rotating, change: (deps: RotationDependencies) => RotationDependencies = (deps) => deps) {
  const requested: string[] = [];
  const deps: RotateCredentialDependencies = {
    ledger: one.ledger,
    rotation: () => change(one.deps()),
    requestRotation: async (_, version) => void requested.push(version),
    log: one.deps().log,
    millisecondsLeft: () => 300_000,
  };
  return { deps, requested };
}

/** @param after the directory's time of the change; null: to be changed at the next log-on */
export function passwordChanged(
  { guid, samAccountName: account = '' }: Pick<Subject, 'guid' | 'samAccountName'>,
  after: string | null,
  detectedAt = new Date().toISOString(),
): string {
  const event = makeEvent({
    type: 'PasswordChanged',
    domain: 'corp.example.com',
    subject: { guid, type: 'user', name: account, dn: `CN=${account},DC=corp,DC=example,DC=com`, samAccountName: account },
    change: { before: null, after },
    revision: 7,
    at: detectedAt,
    part: String(after),
  });
  const { Source, DetailType, Detail } = toEntry(event);
  return JSON.stringify({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
}
