/** SCIM 2.0 servers keep the contract of targets: one that knows all of the RFCs, and one that knows what IAM Identity Center does. */
import { afterAll } from 'vitest';
import { startScimServer } from '../../sandbox/scim-server.ts';
import { identityCenterProfile } from './identity-center-scim-profile.ts';
import { scimWorld } from './scim-world.ts';
import { targetContract } from './target-contract.ts';

const server = await startScimServer();
const restricted = await startScimServer({ front: identityCenterProfile });

afterAll(async () => {
  await server.close();
  await restricted.close();
});

const [standard, identityCenter] = [scimWorld(server), scimWorld(restricted, 'identity-center')];
targetContract('a SCIM server', () => standard);
targetContract("a SCIM server with IAM Identity Center's restrictions", () => identityCenter);
