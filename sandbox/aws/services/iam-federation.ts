import { AwsError } from '../error.ts';
import { type IdentityProvider, type IdentityProviders, isIssuerUrl } from '../identity-providers.ts';
import { records, text, texts } from '../input.ts';
import type { Input, Operation, Output, Surroundings } from '../service.ts';
import type { IdentityTokens } from './identity-tokens.ts';

// IAM's side of federation: the OpenID Connect providers of the account, and whether it gives tokens to others (IAM API Reference).

export function iamFederation(
  { account }: Surroundings,
  providers: IdentityProviders,
  tokens: IdentityTokens,
): Readonly<Record<string, Operation>> {
  const arnOf = (name: string): string => `arn:aws:iam::${account}:oidc-provider/${name}`;
  const nameOf = (url: string): string => url.replace(/^https?:\/\//, '');

  function create(input: Input): Output {
    const issuer = text(input, 'Url');
    if (!isIssuerUrl(issuer)) throw new AwsError('InvalidInput', `Url ${issuer}: write https:// and a host, without query or fragment`);
    const [clientIds, thumbprints] = [texts(input, 'ClientIDList'), texts(input, 'ThumbprintList')];
    if (clientIds.length > 100 || clientIds.some((id) => id.length < 1 || id.length > 255))
      throw new AwsError('InvalidInput', 'ClientIDList: at most 100 of 1 to 255 characters each');
    if (thumbprints.length > 5 || thumbprints.some((one) => !/^[0-9a-f]{40}$/i.test(one)))
      throw new AwsError('InvalidInput', 'ThumbprintList: at most 5 of 40 hexadecimal digits each');
    const arn = arnOf(nameOf(issuer));
    if (providers.all.has(arn)) throw new AwsError('EntityAlreadyExists', `Provider with url ${issuer} already exists.`, 409);
    const tags = Object.fromEntries(records(input, 'Tags').map(({ Key, Value }) => [String(Key), String(Value)]));
    providers.all.set(arn, { arn, name: nameOf(issuer), issuer, clientIds, thumbprints, tags, createdAt: new Date() });
    return { OpenIDConnectProviderArn: arn };
  }

  function named(input: Input): IdentityProvider {
    const arn = text(input, 'OpenIDConnectProviderArn');
    const provider = providers.all.get(arn);
    if (!provider) throw new AwsError('NoSuchEntity', `OpenIDConnect Provider not found for arn ${arn}`, 404);
    return provider;
  }

  const vending = (): Output => ({ IssuerIdentifier: tokens.issuer(), JwtVendingEnabled: tokens.enabled });

  return {
    CreateOpenIDConnectProvider: {
      authorize: (input) => [{ action: 'iam:CreateOpenIDConnectProvider', resource: arnOf(nameOf(text(input, 'Url'))) }],
      run: create,
    },
    GetOpenIDConnectProvider: {
      authorize: (input) => [{ action: 'iam:GetOpenIDConnectProvider', resource: text(input, 'OpenIDConnectProviderArn') }],
      run(input) {
        const { name, clientIds, thumbprints, createdAt } = named(input);
        return { Url: name, ClientIDList: clientIds, ThumbprintList: thumbprints, CreateDate: createdAt };
      },
    },
    ListOpenIDConnectProviders: {
      authorize: () => [{ action: 'iam:ListOpenIDConnectProviders', resource: '*' }],
      run: () => ({ OpenIDConnectProviderList: [...providers.all.keys()].map((Arn) => ({ Arn })) }),
    },
    EnableOutboundWebIdentityFederation: {
      authorize: () => [{ action: 'iam:EnableOutboundWebIdentityFederation', resource: '*' }],
      run() {
        if (tokens.enabled) throw new AwsError('FeatureEnabled', 'Outbound identity federation is already enabled.', 409);
        tokens.enabled = true;
        return { IssuerIdentifier: tokens.issuer() };
      },
    },
    DisableOutboundWebIdentityFederation: {
      authorize: () => [{ action: 'iam:DisableOutboundWebIdentityFederation', resource: '*' }],
      run() {
        if (!tokens.enabled) throw new AwsError('FeatureDisabled', 'Outbound identity federation is already disabled.', 404);
        tokens.enabled = false;
        return {};
      },
    },
    GetOutboundWebIdentityFederationInfo: {
      authorize: () => [{ action: 'iam:GetOutboundWebIdentityFederationInfo', resource: '*' }],
      run() {
        if (!tokens.enabled) throw new AwsError('FeatureDisabled', 'Outbound identity federation is disabled.', 404);
        return vending();
      },
    },
  };
}
