/** A token of AWS that says who a function is, for others to trust: outbound identity federation. */
import { GetWebIdentityTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { identityTokenSeconds, identityTokenSigning } from './identity-token.ts';
import type { IssuedToken } from './kept-token.ts';

/** The client speaks to the regional endpoint, the only one that gives such tokens (AWS STS API Reference, GetWebIdentityToken). */
export async function webIdentityToken(audience: string): Promise<IssuedToken> {
  const command = new GetWebIdentityTokenCommand({
    Audience: [audience],
    DurationSeconds: identityTokenSeconds,
    SigningAlgorithm: identityTokenSigning,
  });
  const { WebIdentityToken, Expiration } = await new STSClient().send(command);
  return { token: WebIdentityToken ?? '', expiresAt: Expiration?.getTime() };
}
