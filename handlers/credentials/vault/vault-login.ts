/** Logging in to Vault with what AWS says of the function. The token stays in memory, until shortly before its lease ends. */
import * as v from 'valibot';
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

export interface VaultLogin {
  /** The same until shortly before its lease ends. @throws CredentialError when Vault refuses the login @throws RetryableError */
  token(): Promise<string>;
  /** Another one than that, which Vault refused. */
  renew(refused: string): Promise<string>;
  /** The token in use, if any; it is not used any more. */
  end(): Promise<string | undefined>;
}

/** A token is not used in its last seconds: it has to be valid when it arrives. */
const marginMs = 60_000;

/** Of any login (JWT/OIDC auth method API and AWS auth method API, "Login"). 0 seconds: it does not expire. */
const authSchema = v.object({
  auth: v.object({
    client_token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)),
    lease_duration: v.pipe(v.number(), v.minValue(0)),
  }),
});

interface Kept {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

export function vaultLogin(login: VaultSettings['login'], request: VaultRequests, sources: LoginSources): VaultLogin {
  let current: Promise<Kept> | undefined;

  async function obtain(): Promise<Kept> {
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
    const leaseMs = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
    return { token, until: askedAt + leaseMs - Math.min(marginMs, leaseMs / 5) };
  }

  /** Another than `old`, which somebody else may be asking for already. */
  function another(old: Promise<Kept> | undefined): Promise<Kept> {
    if (current !== undefined && current !== old) return current;
    const kept = obtain();
    current = kept;
    kept.catch(() => {
      if (current === kept) current = undefined;
    });
    return kept;
  }

  return {
    async token() {
      const kept = current;
      const known = await kept;
      return known !== undefined && sources.now().getTime() < known.until ? known.token : (await another(kept)).token;
    },
    async renew(refused) {
      const kept = current;
      const known = await kept;
      return known !== undefined && known.token !== refused ? known.token : (await another(kept)).token;
    },
    async end() {
      const known = await current?.catch(() => undefined);
      current = undefined;
      return known?.token;
    },
  };
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
