/** An identity provider, the account that trusts it, and whoever comes with a token: trust policies are tried here against real tokens. */
import { AssumeRoleWithWebIdentityCommand, type AssumeRoleWithWebIdentityCommandOutput, STSClient } from '@aws-sdk/client-sts';
import { afterAll } from 'vitest';
import type { AwsEndpoint } from '../../../sandbox/aws/endpoint.ts';
import type { PolicyDocument, Statement } from '../../../sandbox/aws/iam/index.ts';
import { startTokenServer, type TokenServer, type TokenServerSettings, usualAudience } from '../../../sandbox/token-server.ts';
import { account, endpointForTests, region } from './endpoint-fixture.ts';

export interface WebIdentityWorld {
  readonly endpoint: AwsEndpoint;
  /** Mints the tokens; its issuer is registered as a provider. */
  readonly issuer: TokenServer;
  /** ARN of the provider, for `Principal: { Federated }`. */
  readonly providerArn: string;
  /** How condition keys begin: `${name}:sub`. */
  readonly name: string;
  /** Registers an issuer as a provider of the account. @returns its ARN */
  registerProvider(issuer: string, clientIds?: readonly string[]): Promise<string>;
  /** Defines a role with this trust policy. @returns its ARN */
  role(name: string, trust: PolicyDocument | readonly Statement[], more?: { readonly maxSessionSeconds?: number }): string;
  /** The call as anybody makes it: unsigned, over HTTP. @throws the SDK's error, named as STS's */
  assumeWithWebIdentity(
    roleArn: string,
    token: string,
    more?: { readonly sessionName?: string; readonly durationSeconds?: number },
  ): Promise<AssumeRoleWithWebIdentityCommandOutput>;
}

export interface WorldSettings extends TokenServerSettings {
  /** Audiences of the registered provider. @default those that tokens for AWS usually have */
  readonly clientIds?: readonly string[];
}

/**
 * A world for one test file. Tokens come from `issuer`, by default `https://idp.example.com/tenant`, which is resolved to a token server on
 * loopback: so a trust policy synthesized for an issuer's real URL is evaluated as it is, when `issuer` is that URL.
 */
export async function webIdentityWorld({ clientIds = [usualAudience], ...settings }: WorldSettings = {}): Promise<WebIdentityWorld> {
  const endpoint = await endpointForTests();
  const issuer = await startTokenServer({ issuer: 'https://idp.example.com/tenant', ...settings });
  afterAll(() => issuer.close());
  endpoint.resolveIssuer(issuer.issuer, issuer.url);
  const registerProvider = async (url: string, ids: readonly string[] = clientIds): Promise<string> => {
    const created = await endpoint.call('operator', 'iam', 'CreateOpenIDConnectProvider', { Url: url, ClientIDList: [...ids] });
    return String(created.OpenIDConnectProviderArn);
  };
  const providerArn = await registerProvider(issuer.issuer);
  // No credentials anywhere: the token is all that the caller has.
  const client = new STSClient({ endpoint: endpoint.url, region, maxAttempts: 1 });
  afterAll(() => client.destroy());
  return {
    endpoint,
    issuer,
    providerArn,
    name: issuer.issuer.replace(/^https?:\/\//, ''),
    registerProvider,
    role(name, trust, more = {}) {
      const arn = `arn:aws:iam::${account}:role/${name}`;
      const trustPolicy = 'Statement' in trust ? trust : { Version: '2012-10-17', Statement: [...trust] };
      endpoint.defineRole({ arn, trustPolicy, policies: [], ...more });
      return arn;
    },
    assumeWithWebIdentity: (RoleArn, WebIdentityToken, { sessionName = 'deploy', durationSeconds } = {}) =>
      client.send(
        new AssumeRoleWithWebIdentityCommand({
          RoleArn,
          WebIdentityToken,
          RoleSessionName: sessionName,
          ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
        }),
      ),
  };
}
