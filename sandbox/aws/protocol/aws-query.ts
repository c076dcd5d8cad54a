import type { Input } from '../service.ts';
import { type Protocol, toXml } from './wire.ts';

/** `Tags.member.1.Key=a` becomes `{ Tags: [{ Key: 'a' }] }`. */
function nested(form: URLSearchParams): Input {
  const root: Record<string, unknown> = {};
  for (const [name, value] of form) {
    if (name === 'Action' || name === 'Version') continue;
    const steps = name.split('.').filter((step) => step !== 'member');
    let at: Record<string, unknown> = root;
    for (const step of steps.slice(0, -1)) {
      at[step] ??= {};
      at = at[step] as Record<string, unknown>;
    }
    at[steps.at(-1) ?? name] = value;
  }
  const listed = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    return entries.every(([key]) => /^\d+$/.test(key))
      ? entries.sort(([one], [other]) => Number(one) - Number(other)).map(([, member]) => listed(member))
      : Object.fromEntries(entries.map(([key, member]) => [key, listed(member)]));
  };
  return Object.fromEntries(Object.entries(root).map(([name, value]) => [name, listed(value)]));
}

/** awsQuery: a form in, XML out. */
export function awsQuery(namespace: string): Protocol {
  const headers = { 'content-type': 'text/xml' };
  return {
    decode(request) {
      const form = new URLSearchParams(request.body.toString('utf8') || request.query);
      return { operation: form.get('Action') ?? `${request.method} ${request.path}`, input: nested(form) };
    },
    encode: (operation, output) => ({
      status: 200,
      headers,
      body: `<${operation}Response xmlns="${namespace}"><${operation}Result>${toXml(output)}</${operation}Result><ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></${operation}Response>`,
    }),
    encodeError: (error, requestId) => ({
      status: error.status,
      headers,
      body: `<ErrorResponse xmlns="${namespace}">${toXml({ Error: { Type: error.status < 500 ? 'Sender' : 'Receiver', Code: error.code, Message: error.message }, RequestId: requestId })}</ErrorResponse>`,
    }),
  };
}
