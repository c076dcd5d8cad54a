/** A signed sts:GetCallerIdentity that somebody else may send, to learn who signed it: the proof that Vault's AWS auth method takes. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

type SignerInit = ConstructorParameters<typeof SignatureV4>[0];

/** Region and credentials of the function, as any client of the AWS SDK has them in its `config`. */
export interface Signer {
  readonly region: SignerInit['region'];
  readonly credentials: SignerInit['credentials'];
}

/** Vault's name of itself, so that a proof for one Vault is none for another (AWS auth method API, `iam_server_id_header_value`). */
const serverIdHeader = 'X-Vault-AWS-IAM-Server-ID';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** STS of a region ("AWS Security Token Service endpoints and quotas"). */
const stsHost = (region: string): string => `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

export interface CallerIdentityProof {
  /** Of a login of type iam (AWS auth method API, "Login"). */
  readonly fields: Readonly<Record<string, string>>;
  /** What of it no error may show. */
  readonly secrets: readonly string[];
}

export async function callerIdentityProof({ region, credentials }: Signer, serverId: string | undefined): Promise<CallerIdentityProof> {
  const hostname = stsHost(typeof region === 'string' ? region : await region());
  const body = 'Action=GetCallerIdentity&Version=2011-06-15';
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256: Sha256, applyChecksum: false });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'https:',
    hostname,
    path: '/',
    headers: {
      host: hostname,
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      ...(serverId === undefined ? {} : { [serverIdHeader]: serverId }),
    },
    body,
  });
  // Names as Go spells them: Vault looks "Authorization" up as it stands.
  const spelled = Object.entries(headers).map(([name, value]) => [name.replace(/(?<=^|-)\w/g, (letter) => letter.toUpperCase()), [value]]);
  return {
    fields: {
      iam_http_request_method: 'POST',
      iam_request_url: base64(`https://${hostname}/`),
      iam_request_body: base64(body),
      iam_request_headers: base64(JSON.stringify(Object.fromEntries(spelled))),
    },
    secrets: [headers.authorization, headers['x-amz-security-token']].filter((value) => value !== undefined),
  };
}
