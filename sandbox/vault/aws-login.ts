/**
 * The AWS auth method, type iam ("AWS auth method (API)", "Login"): Vault sends on the request that the client signed for STS, and believes
 * what STS says of the signer. Vault's own `builtin/credential/aws` where the documentation is silent.
 */
import { request as httpRequest } from 'node:http';
import type { Lease } from './token-store.ts';
import { badRequest } from './vault-error.ts';

export interface AwsRole extends Lease {
  /** `arn:aws:iam::111122223333:role/name`, without the path of the role; may end in `*`. */
  readonly boundIamPrincipalArns: readonly string[];
}

export interface AwsMethod {
  /** Where the request goes, whatever the client asks for: http on loopback. */
  readonly stsUrl: string;
  /** Hosts that a request may be signed for: at AWS, a request for another one has a signature that STS refuses. */
  readonly stsHosts: readonly string[];
  /** Value that X-Vault-AWS-IAM-Server-ID has to have, signed. */
  readonly serverId?: string;
  readonly roles: Readonly<Record<string, AwsRole>>;
}

const serverIdHeader = 'x-vault-aws-iam-server-id';

interface SignedRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** @throws VaultError 400 */
export async function awsLogin(method: AwsMethod, input: Readonly<Record<string, unknown>>): Promise<Lease> {
  const signed = signedRequest(input);
  checkServerId(method.serverId, signed.headers);
  if (!method.stsHosts.includes(signed.url.host))
    throw badRequest(`error making upstream request: ${signed.url.host} is no endpoint of STS`);
  const form = new URLSearchParams(signed.body);
  if (signed.url.search !== '' || form.get('Action') !== 'GetCallerIdentity' || [...form.keys()].sort().join() !== 'Action,Version')
    throw badRequest('error validating iam_request_body: only Action=GetCallerIdentity is allowed');
  const arn = await callerOf(method.stsUrl, signed);
  const canonical = canonicalArn(arn);
  const name = typeof input.role === 'string' && input.role !== '' ? input.role : (canonical.split('/').at(-1) ?? '');
  const role = Object.hasOwn(method.roles, name) ? method.roles[name] : undefined;
  if (role === undefined) throw badRequest(`entry for role ${name} not found`);
  const isBound = role.boundIamPrincipalArns.some((bound) =>
    bound.endsWith('*') ? canonical.startsWith(bound.slice(0, -1)) : canonical === bound,
  );
  if (!isBound) throw badRequest(`IAM Principal "${arn}" does not belong to the role "${name}"`);
  return role;
}

function signedRequest(input: Readonly<Record<string, unknown>>): SignedRequest {
  const field = (name: string): string => {
    const value = input[name];
    if (typeof value !== 'string' || value === '') throw badRequest(`missing ${name}`);
    return value;
  };
  const base64 = (name: string): string => {
    const text = Buffer.from(field(name), 'base64').toString();
    if (Buffer.from(text).toString('base64') !== field(name)) throw badRequest(`failed to base64 decode ${name}`);
    return text;
  };
  if (field('iam_http_request_method') !== 'POST') throw badRequest("invalid iam_http_request_method; currently only 'POST' is supported");
  const url = URL.parse(base64('iam_request_url'));
  if (url === null) throw badRequest('error parsing iam_request_url');
  const body = base64('iam_request_body');
  let headers: Readonly<Record<string, string | readonly string[]>>;
  try {
    headers = JSON.parse(base64('iam_request_headers'));
  } catch {
    throw badRequest('failed to JSON decode iam_request_headers');
  }
  // "Authorization" is looked up as Go spells it.
  if (headers.Authorization === undefined) throw badRequest('missing Authorization header');
  return { url, body, headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat().join(',')])) };
}

function checkServerId(expected: string | undefined, headers: SignedRequest['headers']): void {
  if (expected === undefined) return;
  const invalid = (what: string) => badRequest(`error validating X-Vault-AWS-IAM-Server-ID header: ${what}`);
  const given = headers.get(serverIdHeader);
  if (given === undefined) throw invalid('missing header "X-Vault-AWS-IAM-Server-ID"');
  if (given !== expected) throw invalid(`expected "${expected}" but got "${given}"`);
  const signed = /SignedHeaders=([^,]+)/.exec(headers.get('authorization') ?? '')?.[1]?.split(';') ?? [];
  if (!signed.includes(serverIdHeader)) throw invalid("vault header wasn't signed");
}

/** Sends it with the host that it was signed for. */
function callerOf(stsUrl: string, { url, body, headers }: SignedRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = { ...Object.fromEntries(headers), host: url.host, 'content-length': String(Buffer.byteLength(body)) };
    const request = httpRequest(new URL(url.pathname, stsUrl), { method: 'POST', headers: sent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const arn = /<Arn>([^<]+)<\/Arn>/.exec(text)?.[1];
        if (response.statusCode === 200 && arn !== undefined) resolve(arn);
        else reject(badRequest(`error making upstream request: received error code ${response.statusCode} from STS: ${text}`));
      });
    });
    request.on('error', (error) => reject(badRequest(`error making upstream request: error making request: ${error.message}`)));
    request.end(body);
  });
}

/** Of a session the role's, without the role's path. */
function canonicalArn(arn: string): string {
  const [, partition, service, , account, resource = ''] = arn.split(':');
  const [type, ...names] = resource.split('/');
  if (service === 'sts' && type === 'assumed-role') return `arn:${partition}:iam::${account}:role/${names[0]}`;
  if (service === 'iam' && (type === 'user' || type === 'role')) return `arn:${partition}:iam::${account}:${type}/${names.at(-1)}`;
  throw badRequest(`error parsing arn "${arn}": unrecognized principal type`);
}
