import type { Input, Output } from '../service.ts';
import type { HttpRequest } from '../signature.ts';
import { parseJson } from './aws-json.ts';
import { type HttpResponse, type Protocol, toJson } from './wire.ts';

export interface Route {
  /** e.g. `GET /2015-03-31/functions/{FunctionName}`; a trailing slash is ignored. */
  readonly on: string;
  readonly operation: string;
  readonly status?: number;
  /** Where the input's members are when they are not in the JSON body: query parameter → member. */
  readonly query?: Readonly<Record<string, string>>;
  readonly read?: (request: HttpRequest) => Input;
  readonly write?: (output: Output) => HttpResponse;
}

const withoutSlash = (path: string): string => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);

function labels(template: string, path: string): Record<string, string> | undefined {
  const wanted = template.split('/');
  const given = withoutSlash(path).split('/');
  if (wanted.length !== given.length) return undefined;
  const found: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? '';
    if (segment.startsWith('{')) found[segment.slice(1, -1)] = decodeURIComponent(value);
    else if (segment !== value) return undefined;
  }
  return found;
}

/** restJson1: the method and path name the operation, the input is spread over path, query and body. */
export function restJson(routes: readonly Route[]): Protocol {
  const headers = { 'content-type': 'application/json' };
  return {
    decode(request) {
      for (const route of routes) {
        const [method, template] = route.on.split(' ');
        const path = method === request.method ? labels(template ?? '', request.path) : undefined;
        if (!path) continue;
        const query = new URLSearchParams(request.query);
        const fromQuery = Object.fromEntries(
          Object.entries(route.query ?? {}).flatMap(([parameter, member]) =>
            query.has(parameter) ? [[member, query.get(parameter)]] : [],
          ),
        );
        return {
          operation: route.operation,
          input: { ...(route.read ? route.read(request) : parseJson(request.body)), ...fromQuery, ...path },
        };
      }
      return { operation: `${request.method} ${request.path}`, input: {} };
    },
    encode(operation, output) {
      const route = routes.find((one) => one.operation === operation);
      return route?.write?.(output) ?? { status: route?.status ?? 200, headers, body: JSON.stringify(toJson(output)) };
    },
    encodeError: (error) => ({
      status: error.status,
      headers: { ...headers, 'x-amzn-errortype': error.code },
      body: JSON.stringify({ message: error.message, Message: error.message, ...(toJson(error.fields ?? {}) as object) }),
    }),
  };
}
