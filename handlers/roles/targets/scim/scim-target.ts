/** A SCIM 2.0 server as a target (RFC 7643, RFC 7644): accounts are users, roles are groups. */

import { webIdentityToken as webIdentityTokenOfSts } from '../../../platform/web-identity-token.ts';
import type { Target } from '../../target.ts';
import type { TargetSurroundings } from '../kind.ts';
import { credentialsOf, type TokenSources } from './authentication.ts';
import { type Patience, scimClient } from './client.ts';
import { groupsOf } from './groups.ts';
import type { HttpLimits } from './http.ts';
import { listsOf } from './listing.ts';
import { membersOf } from './members.ts';
import type { ScimSettings } from './settings.ts';
import { usersOf } from './users.ts';

export interface ScimOptions {
  readonly limits?: HttpLimits;
  readonly patience?: Patience;
  /** @default a token of STS */
  readonly webIdentityToken?: TokenSources['webIdentityToken'];
}

export function scimTarget(
  settings: ScimSettings,
  { name, budget, secret, log, now }: TargetSurroundings,
  { limits, patience, webIdentityToken = webIdentityTokenOfSts }: ScimOptions = {},
): Target {
  const ofHttp = limits === undefined ? {} : { limits };
  const credentials = credentialsOf(settings.authentication, { secret, webIdentityToken, now, ...ofHttp });
  const ofClient = { ...ofHttp, ...(patience === undefined ? {} : { patience }) };
  const client = scimClient({ endpoint: settings.endpoint, credentials, budget, log, now, ...ofClient });
  const lists = listsOf(client, settings);
  return { name, ...usersOf(client, lists), ...groupsOf(client, lists, settings.profile), ...membersOf(client, lists, settings.profile) };
}
