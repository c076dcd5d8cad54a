import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { publicJwk, signedToken } from '../../json-web-token.ts';
import { AwsError } from '../error.ts';
import { limit, text, texts } from '../input.ts';
import type { Authorization, Caller, Input, Output, Surroundings } from '../service.ts';
import { accountOf, type Identities } from '../session.ts';
import { passedTags, tagContext } from './session-tags.ts';

// Outbound identity federation: GetWebIdentityToken (AWS STS API Reference), and the account's issuer, whose keys anybody can read ("Federating
// AWS identities to external services", IAM User Guide).

export interface IdentityTokens {
  /** `iss` of the tokens: each account has its own. */
  issuer(): string;
  /** The feature is off until the account turns it on. */
  enabled: boolean;
  questions(input: Input): readonly Authorization[];
  /** @throws AwsError OutboundWebIdentityFederationDisabledException, SessionDurationEscalationException, ValidationError */
  issue(input: Input, caller: Caller): Output;
  /** What is at this path for whoever asks: discovery and keys. */
  document(path: string): object | undefined;
}

const claimsOfAws = 'https://sts.amazonaws.com/';

export function identityTokens(
  { region, account, url }: Surroundings,
  identities: Identities,
  executing: (session: { readonly roleArn: string; readonly sessionName: string }) => string | undefined,
): IdentityTokens {
  // AWS gives each account a host of its own, https://<id>.tokens.sts.global.api.aws; here it is a path.
  const folder = `/tokens/${randomUUID()}`;
  const issuer = () => `${url()}${folder}`;
  const keys = {
    RS256: { id: randomUUID(), ...generateKeyPairSync('rsa', { modulusLength: 2048 }) },
    ES384: { id: randomUUID(), ...generateKeyPairSync('ec', { namedCurve: 'P-384' }) },
  } as const;
  let enabled = false;

  const requested = (input: Input) => {
    const audiences = texts(input, 'Audience');
    const algorithm = text(input, 'SigningAlgorithm');
    if (audiences.length < 1 || audiences.length > 10 || audiences.some((one) => one.length < 1 || one.length > 1000))
      throw new AwsError('ValidationError', 'audience: 1 to 10 of 1 to 1000 characters each');
    if (algorithm !== 'RS256' && algorithm !== 'ES384')
      throw new AwsError('ValidationError', `signingAlgorithm '${algorithm}': RS256 or ES384`);
    return { audiences, algorithm, seconds: limit(input, 'DurationSeconds', 60, 3600, 300), tags: passedTags(input) } as const;
  };

  return {
    issuer,
    get enabled() {
      return enabled;
    },
    set enabled(next) {
      enabled = next;
    },
    questions(input) {
      const { audiences, algorithm, seconds, tags } = requested(input);
      const about = { resource: '*', context: tagContext(tags) };
      const ask: Authorization = {
        ...about,
        action: 'sts:GetWebIdentityToken',
        context: {
          ...about.context,
          'sts:IdentityTokenAudience': audiences,
          'sts:DurationSeconds': String(seconds),
          'sts:SigningAlgorithm': algorithm,
        },
      };
      return Object.keys(tags.tags).length > 0 ? [ask, { ...about, action: 'sts:TagGetWebIdentityToken' }] : [ask];
    },
    issue(input, caller) {
      const { audiences, algorithm, seconds, tags } = requested(input);
      if (!enabled)
        throw new AwsError(
          'OutboundWebIdentityFederationDisabledException',
          'The outbound web identity federation feature is not enabled for this account.',
          403,
        );
      if (caller === 'operator' || 'service' in caller || accountOf(caller.roleArn) !== account)
        throw new AwsError('NotImplemented', 'the sandbox gives identity tokens to sessions of its own roles alone', 501);
      const issuedAt = Math.floor(Date.now() / 1000);
      const expires = issuedAt + seconds;
      if (caller.given && caller.given.expires < expires * 1000)
        throw new AwsError(
          'SessionDurationEscalationException',
          'The requested token duration would extend the session beyond its original expiration time.',
          403,
        );
      const principal = identities.principal(caller);
      const principalTags = principal.kind === 'role' ? (principal.tags ?? {}) : {};
      const functionArn = caller.given ? undefined : executing(caller);
      const { id, privateKey } = keys[algorithm];
      // "Understanding token claims", IAM User Guide.
      const token = signedToken(algorithm, id, privateKey, {
        iss: issuer(),
        aud: audiences.length === 1 ? audiences[0] : audiences,
        sub: caller.roleArn,
        iat: issuedAt,
        exp: expires,
        jti: randomUUID(),
        [claimsOfAws]: {
          aws_account: account,
          source_region: region,
          principal_id: caller.roleArn,
          ...(Object.keys(principalTags).length > 0 ? { principal_tags: principalTags } : {}),
          ...(functionArn === undefined ? {} : { lambda_source_function_arn: functionArn }),
          ...(Object.keys(tags.tags).length > 0 ? { request_tags: tags.tags } : {}),
        },
      });
      return { WebIdentityToken: token, Expiration: new Date(expires * 1000) };
    },
    document(path) {
      if (!enabled || !path.startsWith(`${folder}/`)) return undefined;
      const jwksPath = '/.well-known/jwks.json';
      const documents: Readonly<Record<string, object>> = {
        '/.well-known/openid-configuration': {
          issuer: issuer(),
          jwks_uri: `${issuer()}${jwksPath}`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256', 'ES384'],
        },
        [jwksPath]: {
          keys: [publicJwk(keys.RS256.privateKey, keys.RS256.id, 'RS256'), publicJwk(keys.ES384.privateKey, keys.ES384.id, 'ES384')],
        },
      };
      return documents[path.slice(folder.length)];
    },
  };
}
