/** Stands between Terraform and a test server of AWS's APIs on loopback, and keeps what IAM would be asked for each request. */
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type Asked, asked, type Place, type Remembered, remember } from './authorization.ts';
import type { Step } from './recorded-calls.ts';
import { type HttpRequest, terraformRequest } from './terraform-request.ts';

export interface RecordingProxy {
  readonly url: string;
  readonly calls: readonly (Asked & { readonly step: Step })[];
  /** Requests that are not understood, by what is missing. A record with any has a hole. */
  readonly notUnderstood: ReadonlySet<string>;
  /** Counts what follows to a step; what comes before the first is nobody's. */
  begin(step: Step): void;
  stop(): Promise<void>;
}

export async function startRecordingProxy(upstream: string, place: Place): Promise<RecordingProxy> {
  const calls: (Asked & { readonly step: Step })[] = [];
  const notUnderstood = new Set<string>();
  const remembered: Remembered = new Map();
  let step: Step | undefined;

  const keep = (http: HttpRequest, status: number, answer: string): void => {
    if (step === undefined) return;
    try {
      const understood = terraformRequest(http);
      for (const one of asked(understood, place, remembered)) calls.push({ ...one, step });
      if (status < 300) remember(understood, answer, place, remembered);
    } catch (error) {
      notUnderstood.add(error instanceof Error ? error.message : String(error));
    }
  };

  const server = createServer(async (incoming, outgoing) => {
    const body = await bytesOf(incoming);
    const { method = 'GET', url = '/', headers } = incoming;
    const forwarded = request(new URL(url, upstream), { method, headers }, async (response) => {
      const answer = await bytesOf(response);
      keep({ method, path: url, headers, body: body.toString('utf8') }, response.statusCode ?? 500, answer.toString('utf8'));
      outgoing.writeHead(response.statusCode ?? 500, response.headers).end(answer);
    });
    forwarded.on('error', (error) => outgoing.writeHead(502).end(error.message));
    forwarded.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    calls,
    notUnderstood,
    begin: (next) => {
      step = next;
    },
    stop: () => closed(server),
  };
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });
