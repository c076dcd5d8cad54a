/** One exchange over HTTP that ends in time, with an answer of bearable size from the host that was asked. */
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';

export interface ExchangeLimits {
  /** For the whole exchange, body included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** A Vault answers in milliseconds, and a credential is small: whatever takes longer or is larger is something else. */
export const usualLimits: ExchangeLimits = { timeoutMs: 5_000, maxBytes: 4 * 1024 * 1024 };

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** There was no whole answer: whether the server did what it was asked is unknown. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** The server has not proven that it is the one that was asked: nothing was sent. */
export class UntrustedServerError extends Error {
  override readonly name = 'UntrustedServerError';
}

/** Of OpenSSL's verification, and of Node's check of the name ("TLS (SSL)", "X509 certificate error codes"). */
const certificateErrors: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by another CA',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by another CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by another CA',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by another CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by another CA',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/**
 * Sends it and follows no redirect: whoever answers with one would choose where the token goes next.
 *
 * @param ca PEM of the only CA that is trusted; undefined: the public ones
 * @throws NoAnswerError @throws UntrustedServerError
 */
export function exchange(
  { method, url, headers, body }: ExchangeRequest,
  { timeoutMs, maxBytes }: ExchangeLimits,
  ca: string | undefined,
): Promise<ExchangeAnswer> {
  const send = url.protocol === 'https:' ? secureRequest : plainRequest;
  const content = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      const distrust = certificateErrors[cause.code ?? ''];
      if (distrust !== undefined) reject(new UntrustedServerError(`${distrust} (${cause.code})`, { cause }));
      else reject(new NoAnswerError(signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(cause), { cause }));
    };
    // Said, because NODE_TLS_REJECT_UNAUTHORIZED could unsay it for the whole process.
    const trust = { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
    const request = send(url, { method, headers: { ...headers, ...content }, signal, ...trust }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) response.destroy(new Error(`an answer of more than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
      response.on('error', fail);
    });
    request.on('error', fail);
    request.end(body);
  });
}

/** Of connections; Node's messages carry no part of what was sent. */
function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ECONNRESET') return 'the connection was cut before the whole answer was there';
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}
