import { AwsError } from '../error.ts';
import { isRecord } from '../input.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import type { Protocol } from './wire.ts';

/** Smithy RPC v2 CBOR: `POST /service/{service}/operation/{operation}`. */
export function rpcV2Cbor(namespace: string): Protocol {
  const headers = { 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' };
  return {
    decode(request) {
      const operation = /^\/service\/[^/]+\/operation\/([^/]+)$/.exec(request.path)?.[1] ?? `${request.method} ${request.path}`;
      if (request.body.length === 0) return { operation, input: {} };
      const input = decodeCbor(request.body);
      if (!isRecord(input)) throw new AwsError('SerializationException', 'the body is not a CBOR map');
      return { operation, input };
    },
    encode: (_operation, output) => ({ status: 200, headers, body: encodeCbor(output) }),
    encodeError: (error) => ({
      status: error.status,
      headers: { ...headers, 'x-amzn-query-error': `${error.code};${error.status < 500 ? 'Sender' : 'Receiver'}` },
      body: encodeCbor({ __type: `${namespace}#${error.code}`, message: error.message, ...error.fields }),
    }),
  };
}
