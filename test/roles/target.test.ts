/** Both targets keep the contract; IAM Identity Center with the SDK's client against the sandbox's endpoint. */
import { afterAll } from 'vitest';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { identityCenterWorld } from './identity-center-world.ts';
import { memoryTargetWorld } from './memory-target.ts';
import { targetContract } from './target-contract.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);

afterAll(() => center.close());

targetContract('the target in memory', memoryTargetWorld);
targetContract('IAM Identity Center', () => center);
