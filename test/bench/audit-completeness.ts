/** Whether the trail is complete: random sequences at each kind of target, its records against what the target's own server saw. */
import fc from 'fast-check';
import { startEndpoint } from '../../sandbox/aws/endpoint.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { startScimServer } from '../../sandbox/scim-server.ts';
import { played, sequences, type WatchedTarget, watchedIdentityCenter, watchedScim } from '../audit/whole-trail.ts';
import type { Figure } from './figure.ts';

const runs = 200;

export async function complete({ note }: Progress): Promise<readonly Figure[]> {
  const endpoint = await startEndpoint({ region: 'eu-central-2', account: '111122223333', identityStoreId: 'd-1234567890' });
  const server = await startScimServer();
  const center = watchedIdentityCenter(endpoint);
  try {
    return [await figure('IAM Identity Center', center, note), await figure('a SCIM server', watchedScim(server), note)];
  } finally {
    center.close();
    await server.close();
    await endpoint.close();
  }
}

async function figure(name: string, target: WatchedTarget, note: (text: string) => void): Promise<Figure> {
  const arbitrary = sequences(target.world.offers.includes('assignments'));
  let [changes, records, missing, surplus] = [0, 0, 0, 0];
  for (const [index, { steps, recording }] of fc.sample(arbitrary, runs).entries()) {
    if (index % 50 === 0) note(`audit: completeness at ${name}, ${index} of ${runs} runs`);
    const found = await played(target, steps, recording);
    changes += found.changes;
    records += found.records;
    missing += found.missing.length;
    surplus += found.surplus.length;
  }
  return {
    what: `completeness at ${name}: changes that it saw, of ${runs} random runs`,
    measured: `${records} records of ${changes} changes`,
    detail: `${missing} missing, ${surplus} too many or other; runs interrupted, lost and repeated, and recording too`,
    bound: 'each has one',
    holds: missing === 0 && surplus === 0 && records === changes && changes > runs,
  };
}
