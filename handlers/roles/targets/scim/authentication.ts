/** The token that each request to a SCIM server carries, from the source that the target's settings name. */
import * as v from 'valibot';
import { ConfigurationError } from '../../../platform/errors.ts';
import { type IssuedToken, type KeptToken, keptToken } from '../../../platform/kept-token.ts';
import { exchange, type HttpLimits, type HttpRequest, isObject, jsonOf, NoAnswerError, nameOf, usualLimits } from './http.ts';
import type { ScimAuthentication } from './settings.ts';

/** Where the source has no other token, a refused one is renewed to the same. */
export type Credentials = Pick<KeptToken, 'token' | 'renew'>;

export interface TokenSources {
  /** The target's secret, read anew when asked for `again`. */
  readonly secret: (again?: boolean) => Promise<string>;
  /** A token of STS for the audience, and when it expires. */
  readonly webIdentityToken: (audience: string) => Promise<IssuedToken>;
  readonly now: () => Date;
  readonly limits?: HttpLimits;
}

/** For a server that does not say how long its token lasts (RFC 6749 section 4.2.2: `expires_in` is only recommended). */
const unsaidSeconds = 300;
/** Visible ASCII: what a header may carry (RFC 6750 section 2.1). */
const tokenPattern = /^[\x21-\x7e]+$/;

const clientSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ clientId: v.pipe(v.string(), v.nonEmpty()), clientSecret: v.pipe(v.string(), v.nonEmpty()) }),
);

export function credentialsOf(authentication: ScimAuthentication, sources: TokenSources): Credentials {
  if ('bearer' in authentication) return keptToken(sources.now, (again) => bearerToken(sources, again));
  if ('clientCredentials' in authentication) {
    const { tokenUrl, scope } = authentication.clientCredentials;
    return keptToken(sources.now, async (again) => {
      const { clientId, clientSecret } = await clientOf(sources, again);
      // RFC 6749 section 2.3.1: both are form-encoded before they are joined.
      const basic = Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64');
      return askForToken(sources, tokenUrl, { scope }, { authorization: `Basic ${basic}` });
    });
  }
  const { audience, tokenUrl } = authentication.webIdentity;
  return keptToken(sources.now, async () => {
    const identity = await sources.webIdentityToken(audience);
    if (tokenUrl === undefined) return identity;
    // RFC 7523 section 2.2: the identity token is the client's authentication.
    const assertion = {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: identity.token,
    };
    return askForToken(sources, tokenUrl, assertion);
  });
}

async function bearerToken({ secret }: TokenSources, again: boolean): Promise<IssuedToken> {
  const token = (await secret(again)).trim();
  if (!tokenPattern.test(token))
    throw new ConfigurationError("the target's secret is no bearer token: put the token alone into it, as text");
  return { token };
}

async function clientOf({ secret }: TokenSources, again: boolean): Promise<v.InferOutput<typeof clientSchema>> {
  const parsed = v.safeParse(clientSchema, await secret(again));
  if (parsed.success) return parsed.output;
  throw new ConfigurationError('the target\'s secret is no OAuth client: put {"clientId": "…", "clientSecret": "…"} into it');
}

const formEncoded = (value: string): string => new URLSearchParams({ value }).toString().slice('value='.length);

/** RFC 6749 section 4.4. @throws ConfigurationError when the token server refuses the client @throws NoAnswerError when it is worth another try */
async function askForToken(
  { now, limits = usualLimits }: TokenSources,
  tokenUrl: string,
  parameters: Readonly<Record<string, string | undefined>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<IssuedToken> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) form.set(name, value);
  const request: HttpRequest = {
    method: 'POST',
    url: new URL(tokenUrl),
    headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  };
  const askedAt = now().getTime();
  const answer = await exchange(request, limits);
  if (answer.status === 429 || answer.status >= 500) throw new NoAnswerError(`${nameOf(request)} answered ${answer.status}`);
  const body = jsonOf(request, answer);
  if (answer.status !== 200 || !isObject(body)) {
    // A code of RFC 6749 section 5.2: nothing that repeats what it was sent.
    const error = typeof body?.error === 'string' && /^[a-z_]{1,40}$/.test(body.error) ? body.error : 'no reason given';
    throw new ConfigurationError(
      `${nameOf(request)} gave no token (${answer.status}, ${error}): check the client, its secret and its scope`,
    );
  }
  const { access_token: token, token_type: type, expires_in: seconds } = body;
  if (typeof token !== 'string' || !tokenPattern.test(token) || String(type).toLowerCase() !== 'bearer') {
    throw new ConfigurationError(`${nameOf(request)} gave no bearer token (token_type ${JSON.stringify(type ?? null)})`);
  }
  const lasts = Number(seconds) > 0 ? Number(seconds) : unsaidSeconds;
  return { token, expiresAt: askedAt + lasts * 1000 };
}
