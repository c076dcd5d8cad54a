/** Logging in to Vault with what AWS says of the function. The token stays in memory, until shortly before its lease ends. */
import * as v from 'valibot';
import { type KeptToken, keptToken } from '../../platform/kept-token.ts';
import { CredentialError } from '../credential-error.ts';
import { callerIdentityProof, type Signer } from './caller-identity.ts';
import { saidOf, type VaultRequest, type VaultRequests } from './vault-request.ts';
import type { VaultSettings } from './vault-settings.ts';

export interface LoginSources {
  /** A token of STS for the audience (sts:GetWebIdentityToken). */
  readonly webIdentityToken: (audience: string) => Promise<string>;
  readonly signer: Signer;
  readonly now: () => Date;
}

/** Of any login (JWT/OIDC auth method API and AWS auth method API, "Login"). 0 seconds: it does not expire. */
const authSchema = v.object({
  auth: v.object({
    client_token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)),
    lease_duration: v.pipe(v.number(), v.minValue(0)),
  }),
});

/** @returns what throws CredentialError when Vault refuses the login, RetryableError when it does not get to it */
export function vaultLogin(login: VaultSettings['login'], request: VaultRequests, sources: LoginSources): KeptToken {
  return keptToken(sources.now, async () => {
    const { role, what, sent } = await proofOf(login, sources);
    const askedAt = sources.now().getTime();
    const answer = await request(sent);
    if (answer.status !== 200) {
      throw new CredentialError(
        `vault refused ${sent.path} of role "${role}" (${saidOf(answer)})`,
        `let that role of the auth method take ${what}`,
      );
    }
    const parsed = v.safeParse(authSchema, answer.body);
    if (!parsed.success)
      throw new CredentialError(`${sent.path} of role "${role}" gave no token`, 'let that role log in without a second factor');
    const { client_token: token, lease_duration: seconds } = parsed.output.auth;
    return { token, expiresAt: seconds === 0 ? undefined : askedAt + seconds * 1000 };
  });
}

interface Proof {
  readonly role: string;
  /** What the role has to accept, for a person. */
  readonly what: string;
  readonly sent: VaultRequest;
}

async function proofOf(login: VaultSettings['login'], { webIdentityToken, signer }: LoginSources): Promise<Proof> {
  if ('jwt' in login) {
    const { mount, role, audience } = login.jwt;
    const jwt = await webIdentityToken(audience);
    return {
      role,
      what: `tokens of the account's issuer for the audience "${audience}" and the function's role as subject`,
      sent: { method: 'POST', path: `auth/${mount}/login`, body: { role, jwt }, secrets: [jwt, ...jwt.split('.')] },
    };
  }
  const { mount, role, serverId } = login.awsIam;
  const { fields, secrets } = await callerIdentityProof(signer, serverId);
  return {
    role,
    what: `the function's role as bound_iam_principal_arn, and set the region's STS endpoint and the server id that Vault expects`,
    sent: { method: 'POST', path: `auth/${mount}/login`, body: { role, ...fields }, secrets },
  };
}
