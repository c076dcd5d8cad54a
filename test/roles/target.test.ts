/** IAM Identity Center keeps the contract of targets, with the SDK's client against the sandbox's endpoint. */
import { afterAll } from 'vitest';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { identityCenterWorld } from './identity-center-world.ts';
import { targetContract } from './target-contract.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);

afterAll(() => center.close());

targetContract('IAM Identity Center', () => center);
