/// <reference path="./dynalite.d.ts" />
import { Agent, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import dynalite from 'dynalite';
import { AwsError } from '../error.ts';
import { parseJson } from '../protocol/aws-json.ts';
import { toJson } from '../protocol/wire.ts';
import type { Input, Output } from '../service.ts';

export type DynaliteCall = (operation: string, input: Input) => Promise<Output>;

/** dynalite checks that a signature is there, not whose it is; ours has been verified before. */
const credentials = {
  authorization: 'AWS4-HMAC-SHA256 Credential=sandbox/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=verified',
  'x-amz-date': '20250101T000000Z',
  'content-type': 'application/x-amz-json-1.0',
};

/** Starts an in-memory dynalite on a loopback port of its own. Errors come as AwsError with DynamoDB's codes and members. */
export async function startDynalite(): Promise<{ call: DynaliteCall; close: () => Promise<void> }> {
  // With 0 a table would be active before its first item nearly always: whoever does not wait for it would seldom be found out.
  const server = dynalite({ createTableMs: 5, deleteTableMs: 0, updateTableMs: 0 });
  // A connection that the server ends while a call is on its way to it would fail that call.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });

  const post = (operation: string, body: string): Promise<{ status: number; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          agent,
          host: '127.0.0.1',
          port,
          method: 'POST',
          headers: { ...credentials, 'x-amz-target': `DynamoDB_20120810.${operation}`, 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 500, body: Buffer.concat(chunks) }));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });

  const underWay = new Set<Promise<unknown>>();
  let closing = false;

  return {
    async call(operation, input) {
      if (closing) throw new AwsError('ServiceUnavailable', 'the sandbox is stopping', 503);
      const posted = post(operation, JSON.stringify(toJson(input)));
      underWay.add(posted);
      const answer = await posted.finally(() => underWay.delete(posted));
      const output: Output = { ...parseJson(answer.body) };
      if (answer.status === 200) return output;
      const { __type: type, message, Message: other, ...fields } = output;
      throw new AwsError(String(type).split('#').at(-1) ?? 'InternalServerError', String(message ?? other ?? ''), answer.status, fields);
    },
    async close() {
      closing = true;
      // A call that meets a closed database throws outside any promise, and would end the process.
      await Promise.allSettled(underWay);
      agent.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
