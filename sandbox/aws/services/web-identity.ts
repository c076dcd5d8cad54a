import { type Claims, isAsymmetric, isSignedBy, type ReadToken, readToken } from '../../json-web-token.ts';
import { AwsError } from '../error.ts';
import { trusts } from '../iam/index.ts';
import type { IdentityProvider, IdentityProviders } from '../identity-providers.ts';
import { text } from '../input.ts';
import type { ConditionContext, Input, Output } from '../service.ts';
import { accountOf, type Identities, roleName, sessionArn } from '../session.ts';
import { checkedTags, type SessionTags, tagContext } from './session-tags.ts';
import { checkedSessionName, refuseParameters, sessionSeconds, uniqueId } from './sts-request.ts';

// AssumeRoleWithWebIdentity (AWS STS API Reference): first the token has to be good, then the role's trust policy has to allow whom it names.

export interface WebIdentity {
  /** @throws AwsError InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError, IDPRejectedClaim, AccessDenied, ValidationError */
  assume(input: Input): Promise<Output>;
}

/** "IAM provides a five-minute window beyond the expiration time to account for clock skew" ("OIDC federation", IAM User Guide). */
const skewSeconds = 300;
const tagsClaim = 'https://aws.amazon.com/tags';
const principalTagClaim = `${tagsClaim}/principal_tags/`;
const transitiveKeysClaim = `${tagsClaim}/transitive_tag_keys`;
const longestToken = 20_000;

/** @param notFrom an issuer whose tokens are for others alone: AWS's own */
export function webIdentity(identities: Identities, providers: IdentityProviders, notFrom: () => string): WebIdentity {
  async function verified(raw: string, account: string): Promise<{ token: ReadToken; provider: IdentityProvider }> {
    if (raw.length > longestToken) throw new AwsError('ValidationError', `webIdentityToken is longer than ${longestToken} characters`);
    const token = readToken(raw);
    if (token === undefined) throw invalid('The ID Token provided is not a valid JWT.');
    const { iss } = token.claims;
    const provider = [...providers.all.values()].find(({ arn, issuer }) => accountOf(arn) === account && issuer === iss);
    // "Getting started with outbound identity federation": they cannot be used for federation into AWS.
    if (provider === undefined || provider.issuer === notFrom())
      throw invalid(`No OpenIDConnect provider found in your account for ${String(iss)}`);
    await checkSignature(token, provider);
    checkTimes(token.claims);
    checkAudience(token.claims, provider);
    return { token, provider };
  }

  async function checkSignature(token: ReadToken, { issuer }: IdentityProvider): Promise<void> {
    const { alg, kid } = token.header;
    if (!isAsymmetric(alg)) throw invalid(`The token's algorithm ${JSON.stringify(alg ?? null)} is none that proves its issuer.`);
    if (typeof kid !== 'string') throw invalid('The token names no key.');
    const key = await providers.key(issuer, kid);
    if (key === undefined) throw invalid("Couldn't retrieve verification key from your identity provider: it publishes no key of that id");
    if (!isSignedBy(token, key)) throw invalid('Token signature verification failed.');
  }

  return {
    async assume(input) {
      const roleArn = text(input, 'RoleArn');
      const sessionName = checkedSessionName(input);
      refuseParameters('AssumeRoleWithWebIdentity', input, ['Policy', 'PolicyArns', 'ProviderId']);
      const { token, provider } = await verified(text(input, 'WebIdentityToken'), accountOf(roleArn));
      const subject = requiredText(token.claims, 'sub');
      const tags = tagsIn(token.claims);
      const role = identities.roles.get(roleArn);
      const context = { ...claimContext(provider.name, token.claims), ...tagContext(tags), 'sts:RoleSessionName': sessionName };
      const trustPolicy = role && { name: `trust policy of ${roleName(roleArn)}`, document: role.trustPolicy };
      const allows = (action: string) => trustPolicy !== undefined && trusts(trustPolicy, { federated: provider.arn }, action, context);
      const wanted = ['sts:AssumeRoleWithWebIdentity', ...(Object.keys(tags.tags).length > 0 ? ['sts:TagSession'] : [])];
      const refused = wanted.find((action) => !allows(action));
      if (role === undefined || refused !== undefined)
        throw new AwsError('AccessDenied', `Not authorized to perform ${refused ?? 'sts:AssumeRoleWithWebIdentity'}`, 403);
      const expires = Date.now() + sessionSeconds(input, role, false) * 1000;
      const credentials = identities.credentialsFor(roleArn, sessionName, { ...tags, expires, federatedProvider: provider.arn });
      const session = { roleArn, sessionName };
      return {
        Credentials: {
          AccessKeyId: credentials.accessKeyId,
          SecretAccessKey: credentials.secretAccessKey,
          SessionToken: credentials.sessionToken,
          Expiration: new Date(expires),
        },
        SubjectFromWebIdentityToken: subject,
        AssumedRoleUser: { AssumedRoleId: uniqueId(session), Arn: sessionArn(session) },
        Provider: provider.arn,
        Audience: audienceOf(token.claims),
      };
    },
  };
}

const invalid = (message: string): AwsError => new AwsError('InvalidIdentityToken', message);
const rejected = (message: string): AwsError => new AwsError('IDPRejectedClaim', message, 403);

function requiredText(claims: Claims, name: string): string {
  const value = claims[name];
  if (typeof value === 'string' && value !== '') return value;
  throw rejected(`The claim ${name} is missing or no text.`);
}

/** "Timestamps in the token must be formatted as either an integer or a long integer" (API Reference). */
function checkTimes(claims: Claims): void {
  const now = Math.floor(Date.now() / 1000);
  for (const name of ['exp', 'iat']) if (!Number.isInteger(claims[name])) throw invalid(`The claim ${name} is missing or no integer.`);
  const { exp, iat, nbf = iat } = claims;
  if (!Number.isInteger(nbf)) throw invalid('The claim nbf is no integer.');
  if (Number(exp) + skewSeconds <= now)
    throw new AwsError(
      'ExpiredTokenException',
      `Token expired: current date/time ${now} must be before the expiration date/time ${Number(exp)}`,
    );
  if (Math.max(Number(nbf), Number(iat)) - skewSeconds > now) throw invalid('The token is not valid yet.');
}

/** Of several audiences the one whom it was issued to, `azp`, counts (OpenID Connect Core section 3.1.3.7). */
function audienceOf({ aud, azp }: Claims): string | undefined {
  if (typeof azp === 'string') return azp;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const [only, ...more] = audiences;
  return typeof only === 'string' && more.length === 0 ? only : undefined;
}

function checkAudience(claims: Claims, { clientIds }: IdentityProvider): void {
  const audience = audienceOf(claims);
  if (audience === undefined) throw invalid('The token has no audience, or several and no azp.');
  if (!clientIds.includes(audience)) throw invalid('Incorrect token audience');
}

/** Keys of the trust policy: no other claim reaches it ("IAM and AWS STS condition context keys", federation with OIDC). */
function claimContext(name: string, claims: Claims): ConditionContext {
  const { aud, sub, amr, email } = claims;
  const audience = audienceOf(claims);
  const original = Array.isArray(aud) ? aud[0] : aud;
  return {
    ...(audience === undefined ? {} : { [`${name}:aud`]: audience }),
    ...(typeof original === 'string' ? { [`${name}:oaud`]: original } : {}),
    ...(typeof sub === 'string' ? { [`${name}:sub`]: sub } : {}),
    ...(typeof email === 'string' ? { [`${name}:email`]: email } : {}),
    ...(Array.isArray(amr) ? { [`${name}:amr`]: amr.map(String) } : {}),
  };
}

/**
 * Nested, each key with a list of one value, or flat, each key's claim with its value as text ("Passing session tags using
 * AssumeRoleWithWebIdentity", IAM User Guide).
 */
function tagsIn(claims: Claims): SessionTags {
  const flat = Object.keys(claims).filter((name) => name.startsWith(principalTagClaim) || name === transitiveKeysClaim);
  const other = Object.keys(claims).find(
    (name) => name.startsWith('https://aws.amazon.com/') && name !== tagsClaim && !flat.includes(name),
  );
  if (other !== undefined) throw new AwsError('NotImplemented', `the sandbox does not know the claim ${other}`, 501);
  const nested = claims[tagsClaim];
  if (nested === undefined) return flatTagsIn(claims);
  // Which of them AWS then takes is not documented.
  if (flat.length > 0) throw new AwsError('NotImplemented', 'the sandbox does not know session tags in both forms in one token', 501);
  return nestedTagsIn(nested);
}

function nestedTagsIn(claim: unknown): SessionTags {
  if (!isObject(claim)) throw rejected(`The claim ${tagsClaim} is no object.`);
  const { principal_tags: tags = {}, transitive_tag_keys: transitive = [] } = claim;
  if (!isObject(tags) || !Array.isArray(transitive)) throw rejected(`The claim ${tagsClaim} has other members than documented.`);
  const entries = Object.entries(tags).map(([key, values]) => {
    const [value, ...more]: readonly unknown[] = Array.isArray(values) ? values : [];
    if (typeof value !== 'string' || more.length > 0) throw rejected(`The session tag ${key} has not exactly one value.`);
    return [key, value] as const;
  });
  return checkedTags(entries, transitive.map(String));
}

function flatTagsIn(claims: Claims): SessionTags {
  const entries = Object.entries(claims).flatMap(([name, value]) => {
    if (!name.startsWith(principalTagClaim)) return [];
    const key = name.slice(principalTagClaim.length);
    if (typeof value !== 'string') throw rejected(`The session tag ${key} has not exactly one value.`);
    return [[key, value] as const];
  });
  const transitive = claims[transitiveKeysClaim] ?? [];
  if (!Array.isArray(transitive)) throw rejected(`The claim ${transitiveKeysClaim} is no list.`);
  return checkedTags(entries, transitive.map(String));
}

const isObject = (value: unknown): value is Claims => typeof value === 'object' && value !== null && !Array.isArray(value);
