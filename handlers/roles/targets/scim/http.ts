/** One exchange over HTTP that ends in time, with an answer of bearable size from the host that was asked. */

export interface HttpLimits {
  /** For the whole exchange, body included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** A Lambda function waits for it: well below its own timeout, even four times over. */
export const usualLimits: HttpLimits = { timeoutMs: 10_000, maxBytes: 32 * 1024 * 1024 };

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** There was no whole answer: whether the server did what it was asked is unknown. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** The answer is none that a SCIM or token server gives: the endpoint is wrong, or something stands before it. */
export class StrangeAnswerError extends Error {
  override readonly name = 'StrangeAnswerError';
}

/** Method and place, for messages: a query may name people, a token never stands in any of it. */
export const nameOf = ({ method, url }: Pick<HttpRequest, 'method' | 'url'>): string => `${method} ${url.origin}${url.pathname}`;

/** @throws NoAnswerError @throws StrangeAnswerError for a redirect or an answer beyond `maxBytes` */
export async function exchange(request: HttpRequest, limits: HttpLimits): Promise<HttpAnswer> {
  const { method, url, headers, body } = request;
  try {
    const response = await fetch(url, {
      method,
      headers,
      // Whoever answers with a redirect chooses where the token goes next: nobody does.
      redirect: 'manual',
      signal: AbortSignal.timeout(limits.timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
    const { status } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      const to = URL.parse(response.headers.get('location') ?? '', url.href)?.origin ?? 'nowhere';
      throw new StrangeAnswerError(`${nameOf(request)} redirects to ${to}: the token is not sent there, set the target's own address`);
    }
    return { status, headers: response.headers, text: await bounded(response, request, limits.maxBytes) };
  } catch (cause) {
    if (cause instanceof StrangeAnswerError) throw cause;
    if (cause instanceof DOMException && cause.name === 'TimeoutError') {
      throw new NoAnswerError(`${nameOf(request)} did not answer within ${limits.timeoutMs} ms`, { cause });
    }
    throw new NoAnswerError(`${nameOf(request)} gave no whole answer: ${reasonOf(cause)}`, { cause });
  }
}

async function bounded(response: Response, request: HttpRequest, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new StrangeAnswerError(`${nameOf(request)} answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `fetch` says only that it failed; why, its cause knows. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : ((error as NodeJS.ErrnoException).code ?? error.message);
}

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The object that the answer holds, or undefined of one without body.
 *
 * @throws StrangeAnswerError when it is no JSON by its type, or no object @throws NoAnswerError when the JSON breaks off
 */
export function jsonOf(request: HttpRequest, { status, headers, text }: HttpAnswer): JsonObject | undefined {
  if (text.trim() === '') return undefined;
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? 'no content type';
  if (!/^application\/(?:[\w.-]+\+)?json$/.test(type)) {
    throw new StrangeAnswerError(`${nameOf(request)} answered ${status} with ${type} instead of JSON: check the address`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NoAnswerError(`${nameOf(request)} answered ${status} with half a body of ${text.length} characters`, { cause });
  }
  if (!isObject(value))
    throw new StrangeAnswerError(`${nameOf(request)} answered ${status} with JSON that is no object: check the address`);
  return value;
}
