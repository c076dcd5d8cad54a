/** A SCIM server whose answers a test spoils, and a target that has to live with it. */
import { inspect } from 'node:util';
import type { RequestHandler } from 'express';
import type { Target } from '../../handlers/roles/target.ts';
import { type ScimServer, startScimServer } from '../../sandbox/scim-server.ts';
import { scimTargetOf } from './scim-world.ts';

export interface Trickery {
  readonly server: ScimServer;
  readonly target: Target;
  /** Taken for a slot of the budget, since the last `reset`. */
  slots(): number;
  /** Stands before the server from now on. */
  trick(handler: RequestHandler): void;
  /** Answers in the server's place so many times. */
  once(handler: RequestHandler, times?: number): void;
  /** An empty, honest server. */
  reset(): void;
}

export async function trickery(token = 'token'): Promise<Trickery> {
  let standing: RequestHandler | undefined;
  let slots = 0;
  const server = await startScimServer({
    front: () => (request, response, next) => (standing ? standing(request, response, next) : next()),
  });
  const target = scimTargetOf(
    server.url,
    { pageSize: 3 },
    (call) => {
      slots += 1;
      return call();
    },
    { limits: { timeoutMs: 300, maxBytes: 100_000 } },
    async () => token,
  );
  return {
    server,
    target,
    slots: () => slots,
    trick(handler) {
      standing = handler;
    },
    once(handler, times = 1) {
      let left = times;
      standing = (request, response, next) => {
        left -= 1;
        return left < 0 ? next() : handler(request, response, next);
      };
    },
    reset() {
      standing = undefined;
      slots = 0;
      server.users.clear();
      server.groups.clear();
      server.requests.length = 0;
    },
  };
}

export const status =
  (code: number, headers: Record<string, string> = {}, body: unknown = { detail: 'not now' }): RequestHandler =>
  (_request, response) => {
    response.status(code).set(headers).type('application/scim+json').send(body);
  };

/** The error that the promise fails with. */
export const caught = (promise: Promise<unknown>): Promise<Error & Record<string, unknown>> =>
  promise.then(
    (value) => {
      throw new Error(`it did not fail: ${inspect(value)}`);
    },
    (error) => error,
  );
