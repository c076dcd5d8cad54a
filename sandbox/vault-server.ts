/**
 * A Vault API server on loopback: KV version 2, logins by JWT and by AWS IAM, policies and leases, as Vault documents them, for just the
 * operations that this project and its tests use. Any other answers 501, loudly.
 */
import { randomUUID } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type AwsMethod, awsLogin } from './vault/aws-login.ts';
import { type JwtMethod, jwtLogin } from './vault/jwt-login.ts';
import { type Fields, type KvAnswer, type KvConfig, KvEngine } from './vault/kv-engine.ts';
import { type Lease, type Policy, TokenStore } from './vault/token-store.ts';
import { badRequest, VaultError } from './vault/vault-error.ts';

export interface VaultServerOptions {
  /** Namespace in which everything lies. @default the root namespace */
  readonly namespace?: string;
  /** KV version 2 engines by mount. */
  readonly kv: Readonly<Record<string, KvConfig>>;
  readonly policies?: Readonly<Record<string, Policy>>;
  /** JWT auth methods by mount, without `auth/`. */
  readonly jwt?: Readonly<Record<string, JwtMethod>>;
  /** AWS auth methods by mount, without `auth/`. */
  readonly aws?: Readonly<Record<string, AwsMethod>>;
  /** PEM. @default http */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly now?: () => Date;
}

/** What came in, without its body: that holds secrets. */
export interface SeenRequest {
  readonly method: string;
  /** Below `/v1/`. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

export interface VaultFault {
  /** @default any request */
  readonly match?: (request: SeenRequest) => boolean;
  /** How many requests it befalls. @default 1 */
  readonly times?: number;
  readonly effect:
    | { readonly answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly text: string } }
    /** The operation is done; `nothing`, a `part` of the answer, or half of its JSON as a whole answer arrives. */
    | { readonly lose: 'nothing' | 'part' | 'half' }
    /** Nothing is done, and no answer ever comes. */
    | { readonly silence: true }
    | { readonly delayMs: number }
    /** Runs before the operation, which then goes on. */
    | { readonly before: () => void | Promise<void> };
}

export interface VaultServer {
  /** `http://127.0.0.1:8200` */
  readonly url: string;
  readonly tokens: TokenStore;
  /** The engine at that mount, as an administrator has it. */
  secrets(mount: string): KvEngine;
  readonly requests: SeenRequest[];
  /** @returns what removes the fault */
  inject(fault: VaultFault): () => void;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: Fields;
}

export async function startVaultServer(options: VaultServerOptions): Promise<VaultServer> {
  const { namespace = '', kv, policies = {}, jwt = {}, aws = {}, tls, now = () => new Date() } = options;
  const tokens = new TokenStore(policies, now);
  const engines = new Map(Object.entries(kv).map(([mount, config]) => [mount, new KvEngine(config, now)]));
  const requests: SeenRequest[] = [];
  const faults: { readonly fault: VaultFault; left: number }[] = [];

  async function login(path: string, input: Fields): Promise<Lease | undefined> {
    const mount = /^auth\/(.+)\/login$/.exec(path)?.[1] ?? '';
    if (Object.hasOwn(jwt, mount)) return jwtLogin(jwt[mount] as JwtMethod, input, now());
    return Object.hasOwn(aws, mount) ? awsLogin(aws[mount] as AwsMethod, input) : undefined;
  }

  async function answerTo(seen: SeenRequest, url: URL, body: string): Promise<Answer> {
    const path = pathWithin(namespace, seen);
    const input = inputOf(body);
    const isWrite = seen.method === 'POST' || seen.method === 'PUT';
    const lease = isWrite ? await login(path, input) : undefined;
    if (lease !== undefined) return { status: 200, body: { ...envelope(), auth: tokens.issue(lease) } };
    const token = seen.headers['x-vault-token'];
    const bearer = typeof token === 'string' ? token : undefined;
    if (path === 'auth/token/revoke-self' && isWrite) {
      tokens.check(bearer, 'update', path);
      tokens.revoke(bearer ?? '');
      return { status: 204 };
    }
    const [mount, engine] = [...engines].find(([name]) => path.startsWith(`${name}/`)) ?? [];
    // Whether there is such a mount, only who may do something there learns: but the root token.
    if (mount === undefined || engine === undefined) {
      tokens.check(bearer, 'read', path);
      throw new VaultError(404, `no handler for route "${path}". route entry not found.`);
    }
    const { status, data } = kvAnswer(engine, seen.method, path.slice(mount.length + 1), { url, input }, (capability) =>
      tokens.check(bearer, capability, path),
    );
    if (data !== undefined) return { status, body: { ...envelope(), data } };
    return status === 404 ? { status, body: { errors: [] } } : { status };
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://vault');
    const seen = { method: incoming.method ?? 'GET', path: url.pathname.replace(/^\/v1\//, ''), headers: incoming.headers };
    requests.push(seen);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const effect = takeFault(faults, seen);
    if (effect !== undefined && 'silence' in effect) return;
    if (effect !== undefined && 'answer' in effect) {
      response.writeHead(effect.answer.status, { 'content-type': 'application/json', ...effect.answer.headers }).end(effect.answer.text);
      return;
    }
    if (effect !== undefined && 'delayMs' in effect) await new Promise((resolve) => setTimeout(resolve, effect.delayMs));
    if (effect !== undefined && 'before' in effect) await effect.before();
    const { status, body } = await answerTo(seen, url, Buffer.concat(chunks).toString()).catch(errorAnswer);
    const text = body === undefined ? '' : JSON.stringify(body);
    send(response, status, text, effect !== undefined && 'lose' in effect ? effect.lose : undefined);
  }

  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    handle(incoming, response).catch((error) => response.destroy(error instanceof Error ? error : undefined));
  };
  const server = tls === undefined ? createPlainServer(listener) : createSecureServer({ ...tls }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    tokens,
    secrets(mount) {
      const engine = engines.get(mount);
      if (engine === undefined) throw new Error(`no KV engine at ${mount}`);
      return engine;
    },
    requests,
    inject(fault) {
      const entry = { fault, left: fault.times ?? 1 };
      faults.push(entry);
      return () => {
        entry.left = 0;
      };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Check = (capability: 'create' | 'read' | 'update' | 'delete') => void;

function kvAnswer(
  engine: KvEngine,
  method: string,
  below: string,
  { url, input }: { readonly url: URL; readonly input: Fields },
  check: Check,
): KvAnswer {
  const [kind = '', ...segments] = below.split('/');
  const path = segments.join('/');
  const versions = (Array.isArray(input.versions) ? input.versions : []).map(Number);
  // "Vault currently considers PUT and POST to be synonyms", and tells create and update by whether the secret exists (HTTP API).
  const writes = engine.exists(path) ? 'update' : 'create';
  const operations: Readonly<Record<string, [Parameters<Check>[0], () => KvAnswer]>> = {
    'GET data': ['read', () => engine.read(path, Number(url.searchParams.get('version') ?? 0))],
    'POST data': [writes, () => engine.write(path, input)],
    'DELETE data': ['delete', () => engine.delete(path, undefined)],
    'POST delete': ['update', () => engine.delete(path, versions)],
    'POST destroy': ['update', () => engine.destroy(path, versions)],
    'GET metadata': ['read', () => engine.metadata(path)],
    'POST metadata': [writes, () => engine.writeMetadata(path, input)],
    'DELETE metadata': ['delete', () => engine.deleteMetadata(path)],
  };
  // Node's server does not know LIST: it is GET with a query then.
  const verb = method === 'PUT' ? 'POST' : url.searchParams.has('list') ? 'LIST' : method;
  const name = `${verb} ${kind}`;
  const operation = Object.hasOwn(operations, name) && path !== '' ? operations[name] : undefined;
  if (operation === undefined)
    throw new VaultError(501, `the sandbox does not implement ${method} ${below} of KV version 2; add it to sandbox/vault-server.ts`);
  const [capability, run] = operation;
  check(capability);
  return run();
}

/** The path within the server's namespace, which the header or the path itself names ("HTTP API", "Namespaces"). */
function pathWithin(namespace: string, { path, headers }: SeenRequest): string {
  const header = String(headers['x-vault-namespace'] ?? '').replace(/^\/+|\/+$/g, '');
  const full = header === '' ? path : `${header}/${path}`;
  if (namespace === '') return full;
  if (!full.startsWith(`${namespace}/`)) throw new VaultError(404, `no handler for route "${full}". route entry not found.`);
  return full.slice(namespace.length + 1);
}

function inputOf(body: string): Fields {
  if (body === '') return {};
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value as Fields;
  } catch {
    // Refused below, without the parser's words.
  }
  throw badRequest('error parsing JSON');
}

const envelope = (): Fields => ({
  request_id: randomUUID(),
  lease_id: '',
  renewable: false,
  lease_duration: 0,
  data: null,
  wrap_info: null,
  warnings: null,
  auth: null,
});

function errorAnswer(error: unknown): Answer {
  if (error instanceof VaultError) return { status: error.status, body: { errors: [error.message] } };
  throw error;
}

function takeFault(faults: readonly { readonly fault: VaultFault; left: number }[], seen: SeenRequest): VaultFault['effect'] | undefined {
  const entry = faults.find(({ fault, left }) => left > 0 && (fault.match?.(seen) ?? true));
  if (entry === undefined) return undefined;
  entry.left -= 1;
  return entry.fault.effect;
}

function send(response: ServerResponse, status: number, text: string, lose: 'nothing' | 'part' | 'half' | undefined): void {
  const half = text.slice(0, Math.floor(text.length / 2));
  const sent = lose === 'half' ? half : text;
  if (lose === 'nothing') {
    response.destroy();
    return;
  }
  if (sent !== '') response.setHeader('content-type', 'application/json').setHeader('content-length', Buffer.byteLength(sent));
  response.writeHead(status);
  if (lose === 'part') response.write(half, () => response.destroy());
  else response.end(sent);
}
