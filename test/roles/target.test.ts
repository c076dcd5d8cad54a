/** Both targets keep the contract; IAM Identity Center with the SDK's client against the sandbox's endpoint. */
import { afterAll, beforeAll } from 'vitest';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { identityCenterWorld } from './identity-center-world.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { targetContract } from './target-contract.ts';

let endpoint: AwsEndpoint;
let center: ReturnType<typeof identityCenterWorld>;

beforeAll(async () => {
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  center = identityCenterWorld(endpoint);
});

afterAll(async () => {
  center?.close();
  await endpoint?.close();
});

targetContract('the target in memory', memoryTargetWorld);
targetContract('IAM Identity Center', () => center);
