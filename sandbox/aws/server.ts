import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { AwsError } from './error.ts';
import { type Pipeline, ResponseLost } from './pipeline.ts';
import { awsJson } from './protocol/aws-json.ts';
import { awsQuery } from './protocol/aws-query.ts';
import { restJson } from './protocol/rest-json.ts';
import { s3Xml } from './protocol/rest-xml.ts';
import type { HttpResponse, Protocol } from './protocol/wire.ts';
import { lambdaRoutes, schedulerRoutes, xrayRoutes } from './routes.ts';
import { unsignedOperations } from './services/sts.ts';
import type { Identities } from './session.ts';
import { type HttpRequest, readScope, SignatureRefused, verifySignature } from './signature.ts';

// The HTTP side of the endpoint: one port for every service. The signature's scope names the service, as there is one host for all.

const maximumBody = 6 * 1024 * 1024;

interface Route {
  /** IAM prefix. */
  readonly service: string;
  readonly protocol: Protocol;
  /** A protocol that some clients of the service still speak, told apart by the content type. */
  readonly form?: Protocol;
}

/** Signing name → service and protocols. */
const routes: Readonly<Record<string, Route>> = {
  dynamodb: { service: 'dynamodb', protocol: awsJson('1.0', 'com.amazonaws.dynamodb.v20120810') },
  sqs: { service: 'sqs', protocol: awsJson('1.0', 'com.amazonaws.sqs', true) },
  events: { service: 'events', protocol: awsJson('1.1', 'com.amazonaws.events') },
  logs: { service: 'logs', protocol: awsJson('1.1', 'com.amazonaws.logs') },
  secretsmanager: { service: 'secretsmanager', protocol: awsJson('1.1', 'com.amazonaws.secretsmanager') },
  kms: { service: 'kms', protocol: awsJson('1.1', 'com.amazonaws.kms') },
  identitystore: { service: 'identitystore', protocol: awsJson('1.1', 'com.amazonaws.identitystore') },
  sso: { service: 'sso', protocol: awsJson('1.1', 'com.amazonaws.swbexternalservice') },
  lambda: { service: 'lambda', protocol: restJson(lambdaRoutes) },
  scheduler: { service: 'scheduler', protocol: restJson(schedulerRoutes) },
  xray: { service: 'xray', protocol: restJson(xrayRoutes) },
  s3: { service: 's3', protocol: s3Xml },
  sts: { service: 'sts', protocol: awsQuery('https://sts.amazonaws.com/doc/2011-06-15/') },
  iam: { service: 'iam', protocol: awsQuery('https://iam.amazonaws.com/doc/2010-05-08/') },
  // CloudWatch has three protocols; the CLI picks JSON, older SDKs send forms, and CBOR, the third, is refused
  monitoring: {
    service: 'cloudwatch',
    protocol: awsJson('1.0', 'com.amazonaws.cloudwatch', true),
    form: awsQuery('http://monitoring.amazonaws.com/doc/2010-08-01/'),
  },
};

/** Services without a region sign for this one. */
const globalServices = new Set(['iam', 'sts']);

const codes = {
  json: {
    missing: ['MissingAuthenticationTokenException', 400],
    incomplete: ['IncompleteSignatureException', 400],
    'unknown-key': ['UnrecognizedClientException', 400],
    mismatch: ['InvalidSignatureException', 400],
    skewed: ['InvalidSignatureException', 400],
    payload: ['InvalidSignatureException', 400],
    streaming: ['NotImplemented', 501],
    expired: ['ExpiredTokenException', 400],
  },
  query: {
    missing: ['MissingAuthenticationToken', 403],
    incomplete: ['IncompleteSignature', 400],
    'unknown-key': ['InvalidClientTokenId', 403],
    mismatch: ['SignatureDoesNotMatch', 403],
    skewed: ['SignatureDoesNotMatch', 403],
    payload: ['SignatureDoesNotMatch', 403],
    streaming: ['NotImplemented', 501],
    expired: ['ExpiredToken', 403],
  },
  s3: {
    missing: ['AccessDenied', 403],
    incomplete: ['AuthorizationHeaderMalformed', 400],
    'unknown-key': ['InvalidAccessKeyId', 403],
    mismatch: ['SignatureDoesNotMatch', 403],
    skewed: ['RequestTimeTooSkewed', 403],
    payload: ['XAmzContentSHA256Mismatch', 400],
    streaming: ['NotImplemented', 501],
    expired: ['ExpiredToken', 400],
  },
} as const satisfies Record<string, Record<SignatureRefused['refusal'] | 'expired', readonly [string, number]>>;

/** What each family of services calls the same failure ("Common Errors" of their references). */
function refused(service: string, refusal: keyof (typeof codes)['json'], message: string): AwsError {
  const family = service === 's3' ? 's3' : ['sts', 'iam', 'cloudwatch'].includes(service) ? 'query' : 'json';
  const [code, status] = codes[family][refusal];
  return new AwsError(code, message, status);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBody) throw new AwsError('RequestEntityTooLarge', `the body is over ${maximumBody} bytes; send less at once`, 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, answer: HttpResponse, requestId: string, close = false): void {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.writeHead(answer.status, {
    'content-length': body.length,
    ...answer.headers,
    'x-amzn-requestid': requestId,
    'x-amz-request-id': requestId,
    ...(close ? { connection: 'close' } : {}),
  });
  response.end(body);
}

/** The request of a caller whose signature is verified. */
function verified(
  request: HttpRequest,
  scopeService: string,
  route: Route,
  identities: Identities,
  region: string,
): { caller: NonNullable<ReturnType<Identities['callerOf']>>; body: Buffer } {
  try {
    const scope = readScope(request.headers);
    const secret = identities.secretOf(scope.accessKeyId);
    if (secret === undefined) throw new SignatureRefused('unknown-key', 'The security token included in the request is invalid.');
    if (scope.region !== region && !(globalServices.has(scopeService) && scope.region === 'us-east-1'))
      throw new SignatureRefused(
        'mismatch',
        `Credential should be scoped to a valid region, not '${scope.region}'; the sandbox is in ${region}`,
      );
    const body = verifySignature(request, secret, Date.now());
    const token = request.headers['x-amz-security-token'];
    const caller = identities.callerOf(scope.accessKeyId, token === undefined ? undefined : String(token));
    if (caller === undefined) throw new SignatureRefused('unknown-key', 'The security token included in the request is invalid.');
    if (caller === 'expired') throw refused(route.service, 'expired', 'The security token included in the request is expired');
    return { caller, body };
  } catch (error) {
    if (error instanceof SignatureRefused) throw refused(route.service, error.refusal, error.message);
    throw error;
  }
}

interface ServedBy {
  readonly pipeline: Pipeline;
  readonly identities: Identities;
  readonly region: string;
  /** What anybody may read, by its path. */
  readonly documents: (path: string) => object | undefined;
}

/** A call that carries its own proof, and no signature. */
function unsignedCall({ body, headers }: HttpRequest, isForm: boolean) {
  if (!isForm || headers.authorization !== undefined) return undefined;
  return unsignedOperations.get(new URLSearchParams(body.toString('utf8')).get('Action') ?? '');
}

async function answer(incoming: IncomingMessage, response: ServerResponse, served: ServedBy): Promise<void> {
  const { pipeline, identities, region, documents } = served;
  const requestId = randomUUID();
  const isForm = String(incoming.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  let protocol: Protocol = isForm ? awsQuery('http://sandbox/') : awsJson('1.1', 'com.amazonaws');
  try {
    const [path = '/', query = ''] = (incoming.url ?? '/').split('?', 2);
    const body = await readBody(incoming);
    const raw: HttpRequest = { method: incoming.method ?? 'GET', path, query, headers: incoming.headers, body };
    const document = incoming.method === 'GET' ? documents(path) : undefined;
    if (document !== undefined) {
      send(response, { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(document) }, requestId);
      return;
    }
    const unsigned = unsignedCall(raw, isForm);
    if (unsigned !== undefined) {
      protocol = routes[unsigned.service]?.protocol ?? protocol;
      const { operation, input } = protocol.decode(raw);
      send(response, protocol.encode(operation, await pipeline.call(unsigned.caller, unsigned.service, operation, input)), requestId);
      return;
    }
    let scopeService: string;
    try {
      scopeService = readScope(incoming.headers).service;
    } catch (error) {
      if (error instanceof SignatureRefused) throw refused('unsigned', error.refusal, error.message);
      throw error;
    }
    const route = Object.hasOwn(routes, scopeService) ? routes[scopeService] : undefined;
    if (!route)
      throw new AwsError(
        'NotImplemented',
        `the sandbox does not implement the service ${scopeService}; add it to sandbox/aws/services`,
        501,
      );
    protocol = isForm && route.form ? route.form : route.protocol;
    if (incoming.headers['smithy-protocol'] !== undefined)
      throw new AwsError(
        'NotImplemented',
        `the sandbox does not speak ${incoming.headers['smithy-protocol']}; use a client that sends JSON or forms`,
        501,
      );
    const { caller, body: content } = verified(raw, scopeService, route, identities, region);
    if (caller === 'expired') return;
    const unpacked = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(content, { maxOutputLength: maximumBody }) : content;
    const { operation, input } = protocol.decode({ ...raw, body: unpacked });
    const output = await pipeline.call(caller, route.service, operation, input);
    send(response, protocol.encode(operation, output), requestId);
  } catch (error) {
    if (error instanceof ResponseLost) incoming.socket.destroy();
    else if (error instanceof AwsError) send(response, protocol.encodeError(error, requestId), requestId, error.status === 413);
    // The client went away (a function that was ended, the end of the sandbox): nobody waits for an answer.
    else if (incoming.socket.destroyed) response.destroy();
    else {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.stderr.write(`sandbox endpoint failed: ${message}\n`);
      send(
        response,
        protocol.encodeError(new AwsError('InternalFailure', `the sandbox failed: ${String(error)}`, 500), requestId),
        requestId,
      );
    }
  }
}

/** Listens on loopback. */
export async function serve({
  port,
  ...served
}: ServedBy & { readonly port: number }): Promise<{ url: string; close: () => Promise<void> }> {
  const server: Server = createServer({ keepAlive: true, keepAliveTimeout: 60_000 }, (incoming, response) => {
    answer(incoming, response, served).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
