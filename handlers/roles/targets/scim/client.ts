/** Requests to a SCIM server: authenticated, within the budget, tried again while it is busy, and their errors (RFC 7644). */
import { DelegateBackoff, handleWhen, retry } from 'cockatiel';
import type { Log } from '../../../platform/log.ts';
import type { Budget } from '../../budget.ts';
import type { Credentials } from './authentication.ts';
import {
  exchange,
  type HttpAnswer,
  type HttpLimits,
  type HttpRequest,
  type JsonObject,
  jsonOf,
  NoAnswerError,
  nameOf,
  usualLimits,
} from './http.ts';

/** Name under which all calls of a target count against its budget. */
export const budgetApi = 'scim';

export interface ScimRequest {
  readonly method: HttpRequest['method'];
  /** Below the endpoint, segments encoded: `/Users/2819c223`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  /** Only if the resource is still of that version (RFC 7644 section 3.14). */
  readonly version?: string | undefined;
}

export interface ScimAnswer {
  readonly status: number;
  /** Undefined of an answer without body, which any success may be. */
  readonly body: JsonObject | undefined;
  readonly location: string | undefined;
  readonly version: string | undefined;
  /** How often the request was sent. */
  readonly attempts: number;
}

export type ScimClient = (request: ScimRequest) => Promise<ScimAnswer>;

/** The server answered with an error (RFC 7644 section 3.12). */
export class ScimError extends Error {
  override readonly name = 'ScimError';
  readonly status: number;
  readonly scimType: string | undefined;
  /** The server's own words, cut short; empty of one that says nothing. */
  readonly detail: string;
  readonly attempts: number;
  /** The server asks to be left alone for so long. */
  readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    fields: Pick<ScimError, 'status' | 'scimType' | 'detail' | 'attempts' | 'retryAfterMs'>,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = fields.status;
    this.scimType = fields.scimType;
    this.detail = fields.detail;
    this.attempts = fields.attempts;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

export const isStatus = (error: unknown, ...statuses: readonly number[]): error is ScimError =>
  error instanceof ScimError && statuses.includes(error.status);

export interface ClientSettings {
  readonly endpoint: string;
  readonly credentials: Credentials;
  readonly budget: Pick<Budget, 'call'>;
  readonly log: Log;
  readonly now: () => Date;
  readonly limits?: HttpLimits;
  readonly patience?: Patience;
}

export interface Patience {
  /** Attempts after the first. */
  readonly retries: number;
  /** Wait before the second attempt, doubled for each later one; up to as much again is added at random. */
  readonly firstWaitMs: number;
  /** A server that asks for more is left alone: the message comes again later. */
  readonly longestWaitMs: number;
}

const usualPatience: Patience = { retries: 3, firstWaitMs: 400, longestWaitMs: 10_000 };

export function scimClient({
  endpoint,
  credentials,
  budget,
  log,
  now,
  limits = usualLimits,
  patience = usualPatience,
}: ClientSettings): ScimClient {
  const base = endpoint.replace(/\/+$/, '');

  const sendWith = (request: HttpRequest, token: string): Promise<HttpAnswer> =>
    budget.call(budgetApi, () => exchange({ ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }, limits));

  const attempt = async (request: HttpRequest, attempts: number): Promise<ScimAnswer> => {
    let used = await credentials.token();
    let answer = await sendWith(request, used);
    if (answer.status === 401) {
      const other = await credentials.renew(used);
      if (other !== used) {
        used = other;
        answer = await sendWith(request, used);
      }
    }
    if (answer.status >= 400) throw errorOf(request, answer, { attempts, now: now(), token: used });
    const body = jsonOf(request, answer);
    const version = answer.headers.get('etag') ?? versionOf(body);
    return { status: answer.status, body, location: answer.headers.get('location') ?? undefined, version, attempts };
  };

  return ({ method, path, query = {}, body, version }) => {
    const url = new URL(`${base}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const request: HttpRequest = {
      method,
      url,
      headers: {
        accept: 'application/scim+json, application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...(version === undefined ? {} : { 'if-match': version }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const policy = retry(
      handleWhen((error) => isWorthAnother(error, method, patience.longestWaitMs)),
      {
        maxAttempts: patience.retries,
        backoff: new DelegateBackoff(({ attempt: nth, result }) => {
          const error = 'error' in result ? result.error : undefined;
          const asked = error instanceof ScimError ? error.retryAfterMs : undefined;
          const waitMs = asked ?? Math.min(patience.firstWaitMs * 2 ** (nth - 1) * (1 + Math.random()), patience.longestWaitMs);
          log.warn('SCIM_RETRIED', {
            method,
            resource: path.split('/')[1],
            attempt: nth,
            waitMs: Math.round(waitMs),
            error: nameOfError(error),
          });
          return waitMs;
        }),
      },
    );
    return policy.execute(({ attempt: nth }) => attempt(request, nth + 1));
  };
}

/** meta.version (RFC 7643 section 3.1): the same as the ETag header. */
export function versionOf(resource: JsonObject | undefined): string | undefined {
  const meta = resource?.meta as { readonly version?: unknown } | null | undefined;
  return typeof meta?.version === 'string' && meta.version !== '' ? meta.version : undefined;
}

const nameOfError = (error: unknown): string =>
  error instanceof ScimError ? `status ${error.status}` : error instanceof Error ? error.name : 'unknown';

/**
 * A POST of which no answer came may have made something: a second one could make it twice. The caller's next run finds it by its mark.
 * 429 and 503 say that nothing was done.
 */
function isWorthAnother(error: Error | unknown, method: HttpRequest['method'], longestWaitMs: number): boolean {
  if (error instanceof NoAnswerError) return method !== 'POST';
  if (!(error instanceof ScimError) || (error.retryAfterMs ?? 0) > longestWaitMs) return false;
  return (method === 'POST' ? [429, 503] : [408, 429, 500, 502, 503, 504]).includes(error.status);
}

interface Attempt {
  readonly attempts: number;
  readonly now: Date;
  readonly token: string;
}

/** What the server says goes into logs and events: not the token that it repeats (invariant 10). */
function errorOf(request: HttpRequest, answer: HttpAnswer, { attempts, now, token }: Attempt): ScimError {
  const { status } = answer;
  let body: JsonObject | undefined;
  let unreadable = '';
  try {
    body = jsonOf(request, answer);
  } catch (cause) {
    // The status says enough: what came with it only adds to the message.
    unreadable = cause instanceof Error ? `; ${cause.name}` : '';
  }
  const detail = typeof body?.detail === 'string' ? body.detail.replaceAll(token, '(token)').replace(/\s+/g, ' ').slice(0, 300) : '';
  const scimType = typeof body?.scimType === 'string' && /^\w{1,40}$/.test(body.scimType) ? body.scimType : undefined;
  const remedy = status === 401 || status === 403 ? ": put a token with the right to manage users and groups into the target's secret" : '';
  const message = `${nameOf(request)} answered ${status}${scimType ? ` ${scimType}` : ''}${detail ? `: ${detail}` : ''}${unreadable}${remedy}`;
  return new ScimError(message, { status, scimType, detail, attempts, retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), now) });
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3). */
export function retryAfterMs(value: string | null, now: Date): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
