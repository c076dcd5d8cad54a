/** Requests to Vault's HTTP API: tried again while it is busy, and told apart by what they end in. */
import { setTimeout as pause } from 'node:timers/promises';
import { RetryableError } from '../../platform/errors.ts';
import { CredentialError } from '../credential-error.ts';
import {
  type ExchangeAnswer,
  type ExchangeLimits,
  type ExchangeRequest,
  exchange,
  NoAnswerError,
  UntrustedServerError,
  usualLimits,
} from './vault-exchange.ts';
import type { VaultSettings } from './vault-settings.ts';

export interface VaultRequest {
  readonly method: ExchangeRequest['method'];
  /** Below `/v1/`: `secret/data/service`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  /** What an error that repeats it must not show. Of a body with `data` no error shows anything that is not the same for any data. */
  readonly secrets?: readonly string[];
}

export type JsonObject = Readonly<Record<string, unknown>>;

export interface VaultAnswer {
  readonly status: 200 | 204 | 400 | 403 | 404;
  /** Undefined of an answer without body. */
  readonly body: JsonObject | undefined;
  /** Vault's own words of an error, without what they may repeat of the request. */
  readonly reasons: readonly string[];
}

export interface Patience {
  /** Attempts after the first. */
  readonly retries: number;
  /** Wait before the second attempt, doubled for each later one; up to as much again is added at random. */
  readonly firstWaitMs: number;
  /** A server that asks for more is left alone. */
  readonly longestWaitMs: number;
}

const usualPatience: Patience = { retries: 3, firstWaitMs: 250, longestWaitMs: 5_000 };

export interface RequestOptions {
  readonly limits?: ExchangeLimits;
  readonly patience?: Patience;
}

/** @throws RetryableError when Vault does not get to it @throws CredentialError when something else than Vault answers */
export type VaultRequests = (request: VaultRequest, token?: string) => Promise<VaultAnswer>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const nameOf = ({ method, path }: VaultRequest): string => `${method} ${path}`;

/** `403: permission denied` */
export const saidOf = ({ status, reasons }: VaultAnswer): string => (reasons.length > 0 ? `${status}: ${reasons.join('; ')}` : `${status}`);

/**
 * Missing consistent data at a standby (412), a limit of rates (429) and what Vault's own node or one on the way says of itself (5xx).
 * 501 is not among them: "Vault is not initialized" (HTTP API, "HTTP status codes").
 */
const isBusy = (status: number): boolean => status === 412 || status === 429 || (status >= 500 && status !== 501);

const understood: ReadonlySet<number> = new Set([200, 204, 400, 403, 404]);

export function vaultRequests(
  { address, ca, namespace }: Pick<VaultSettings, 'address' | 'ca' | 'namespace'>,
  { limits = usualLimits, patience = usualPatience }: RequestOptions = {},
): VaultRequests {
  const base = address.replace(/\/+$/, '');
  /** State of storage after the last write: a standby that is behind it says 412 (Vault, "Eventual consistency"). */
  let written: string | undefined;

  async function attempt(request: VaultRequest, token: string | undefined): Promise<VaultAnswer | Busy> {
    const { method, path, query = {}, body } = request;
    const url = new URL(`${base}/v1/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const headers = {
      accept: 'application/json',
      // A Vault Agent may ask for it (HTTP API, "The X-Vault-Request header").
      'x-vault-request': 'true',
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      ...(written === undefined ? {} : { 'x-vault-index': written }),
      ...(token === undefined ? {} : { 'x-vault-token': token }),
    };
    let answer: ExchangeAnswer;
    let parsed: JsonObject | undefined;
    try {
      answer = await exchange({ method, url, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, limits, ca);
      if (isBusy(answer.status)) return { reason: `answered ${answer.status}`, askedMs: retryAfterMs(answer.headers['retry-after']) };
      parsed = bodyOf(request, answer);
    } catch (error) {
      if (error instanceof NoAnswerError) return { reason: error.message };
      if (error instanceof UntrustedServerError)
        throw new CredentialError(`${base} is not trusted: ${error.message}`, "set the vault's CA certificate to the one that signed it");
      throw error;
    }
    if (!understood.has(answer.status)) throw unexpected(request, `answered ${answer.status}`);
    const index = answer.headers['x-vault-index'];
    if (method === 'POST' && typeof index === 'string') written = index;
    return { status: answer.status as VaultAnswer['status'], body: parsed, reasons: reasonsOf(parsed, request, token) };
  }

  return async (request, token) => {
    for (let nth = 0; ; nth += 1) {
      const answer = await attempt(request, token);
      if (!('reason' in answer)) return answer;
      const backoffMs = patience.firstWaitMs * 2 ** nth * (1 + Math.random());
      const waitMs = answer.askedMs ?? Math.min(backoffMs, patience.longestWaitMs);
      if (nth >= patience.retries || waitMs > patience.longestWaitMs)
        throw new RetryableError(`${nameOf(request)} at ${base}: ${answer.reason}, ${nth + 1} times asked`);
      await pause(waitMs);
    }
  };
}

interface Busy {
  readonly reason: string;
  readonly askedMs?: number | undefined;
}

/** Seconds, as Vault gives it with a quota's 429; a date is left to the own backoff (RFC 9110 section 10.2.3). */
const retryAfterMs = (value: string | undefined): number | undefined => (/^\d+$/.test(value ?? '') ? Number(value) * 1000 : undefined);

const unexpected = (request: VaultRequest, what: string): CredentialError =>
  new CredentialError(`${nameOf(request)} ${what}`, "set the vault's address to that of its API, and the active node if standbys redirect");

/** @throws NoAnswerError when the JSON breaks off @throws CredentialError when it is no answer of Vault */
function bodyOf(request: VaultRequest, { status, headers, text }: ExchangeAnswer): JsonObject | undefined {
  if (status >= 300 && status < 400) {
    const to = URL.parse(headers.location ?? '')?.origin ?? 'another path';
    throw unexpected(request, `is redirected to ${to}, where the token is not sent`);
  }
  if (text.trim() === '') return undefined;
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? 'no content type';
  if (type !== 'application/json') throw unexpected(request, `answered ${status} with ${type} instead of JSON`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Without the parser's error, which quotes what it read.
    throw new NoAnswerError(`answered ${status} with half a body of ${text.length} characters`);
  }
  if (!isObject(value)) throw unexpected(request, `answered ${status} with JSON that is no object`);
  return value;
}

/** Texts of Vault that are the same whatever was sent. */
const fixedTexts = /^(?:permission denied|invalid token|no data provided|check-and-set parameter [\w -]+)$/i;
/** A stretch that could be a token, a key or a part of a signature. */
const secretLike = /[\w+=-]{32,}/g;

/** An error may repeat what it is about (invariant 10): of a request with values only texts that cannot are shown. */
function reasonsOf(answer: JsonObject | undefined, { body = {}, secrets = [] }: VaultRequest, token = ''): readonly string[] {
  const errors = Array.isArray(answer?.errors) ? answer.errors : [];
  const hidden = [token, ...secrets].filter((secret) => secret !== '');
  return errors.slice(0, 3).map((error) => {
    const text = String(error).replace(/\s+/g, ' ').trim();
    if (fixedTexts.test(text)) return text;
    const repeats = 'data' in body || hidden.some((secret) => text.includes(secret));
    return repeats ? '(not shown)' : text.replaceAll(secretLike, '(…)').slice(0, 300);
  });
}
