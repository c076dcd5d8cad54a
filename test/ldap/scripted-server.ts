// An LDAPS server that answers from a script, for what a Samba domain controller never does: DirSync pages, a hang, a lost
// connection, a bind refused for an account's state.

import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { certificateFiles, issueServerCertificate } from '../../sandbox/domain-controller/certificates.ts';
import {
  type BindRequest,
  decodeMessage,
  dirSyncResponse,
  encodeEntry,
  encodeResult,
  type ReceivedMessage,
  type ReceivedRequest,
  type ScriptedEntry,
  type SearchRequest,
  splitMessages,
} from './wire.ts';

export type { DirSyncRequest, ReceivedControl, ReceivedRequest, ScriptedEntry, SearchRequest } from './wire.ts';

/** What Active Directory puts behind `data` when a bind fails (Windows' LDAP bind errors, hexadecimal Win32 codes). */
export const bindFailures = {
  noSuchUser: '525',
  wrongPassword: '52e',
  passwordExpired: '532',
  accountDisabled: '533',
  accountExpired: '701',
  mustChangePassword: '773',
  accountLocked: '775',
} as const;

export type BindAnswer = 'success' | keyof typeof bindFailures;

/** An LDAP result code other than 0, and the diagnostic message beside it. */
export interface ErrorAnswer {
  readonly error: number;
  readonly message: string;
}

/** No answer at all; or the connection ends after the entries, if there are any, or with `half` within the last of them. */
export type BrokenAnswer =
  | { readonly hang: true }
  | { readonly closeConnection: true | 'half'; readonly entries?: Iterable<ScriptedEntry> };

export interface DirSyncPage {
  /** Sent as they are made, when the client has taken those before: a generator needs no memory for a page. */
  readonly entries: Iterable<ScriptedEntry>;
  /** Not 0: there is another page. */
  readonly moreResults: number;
  readonly cookie: Buffer;
}

export type DirSyncAnswer = DirSyncPage | ErrorAnswer | BrokenAnswer;

export type SearchAnswer = { readonly entries: Iterable<ScriptedEntry> } | ErrorAnswer | BrokenAnswer;

/** A search with a DirSync control. */
export type DirSyncSearch = SearchRequest & Required<Pick<SearchRequest, 'dirSync'>>;

/** Read anew at each request, so a test may change it as it goes. */
export interface LdapScript {
  /** @default every bind succeeds */
  bind?: (request: BindRequest) => BindAnswer;
  /** Attributes of the rootDSE in place of, or beside, the default ones; without values one is left out. */
  rootDse?: Record<string, string[]>;
  /** 16 bytes; of the object that the rootDSE's dsServiceName names (MS-ADTS, section 6.1.1.2.2.1.2.1.1); null: not shown. @default 16 times 0xd1 */
  invocationId?: Buffer | null;
  /** Taken from the front, one for each search with a DirSync control; or made for each. */
  dirSync?: DirSyncAnswer[] | ((search: DirSyncSearch) => DirSyncAnswer);
  /** Every other search. @default no such object (32) */
  search?: (request: SearchRequest) => SearchAnswer;
}

export interface ScriptedLdapServer {
  /** `ldaps://127.0.0.1:PORT` */
  readonly url: string;
  /** PEM; the certificate is good for 127.0.0.1 and localhost. */
  readonly ca: string;
  /** Every request seen, oldest first. */
  readonly requests: readonly ReceivedRequest[];
  /** The searches with a DirSync control among them. */
  dirSyncSearches(): DirSyncSearch[];
  close(): Promise<void>;
}

const resultCode = {
  success: 0,
  operationsError: 1,
  protocolError: 2,
  noSuchObject: 32,
  invalidCredentials: 49,
  unwillingToPerform: 53,
} as const;

const defaultRootDse: Record<string, string[]> = {
  defaultNamingContext: ['DC=corp,DC=example,DC=com'],
  dnsHostName: ['dc1.corp.example.com'],
  dsServiceName: ['CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=corp,DC=example,DC=com'],
  highestCommittedUSN: ['1000'],
};

const defaultInvocationId = Buffer.alloc(16, 0xd1);

export async function startScriptedLdapServer(script: LdapScript): Promise<ScriptedLdapServer> {
  const { ca, cert, key } = await certificate();
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createServer({ cert, key }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away is part of the script.
    socket.on('error', () => socket.destroy());
    serve(socket, script, requests);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ldaps://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca,
    requests,
    dirSyncSearches: () => requests.filter((request) => request.operation === 'search').filter(isDirSync),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function certificate(): Promise<{ ca: string; cert: string; key: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'scripted-ldap-server-'));
  try {
    const ca = await issueServerCertificate(folder, { dnsNames: ['localhost'], addresses: ['127.0.0.1'] });
    const { certificateFile, keyFile } = certificateFiles(folder);
    return { ca, cert: await readFile(certificateFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function serve(socket: TLSSocket, script: LdapScript, requests: ReceivedRequest[]): void {
  let stream: Buffer = Buffer.alloc(0);
  let bound = false;
  socket.on('data', (data: Buffer) => {
    const { messages, rest } = splitMessages(Buffer.concat([stream, data]));
    stream = rest;
    for (const message of messages.map(decodeMessage)) {
      const { request } = message;
      requests.push(request);
      switch (request.operation) {
        case 'bind': {
          const answer = script.bind?.(request) ?? 'success';
          bound = answer === 'success';
          socket.write(bindResponse(message, answer));
          break;
        }
        case 'search':
          // Only the socket can fail, and its end is part of the script.
          answerSearch(socket, message, chooseAnswer(request, script, bound)).catch(() => socket.destroy());
          break;
        case 'unbind':
          socket.end();
          break;
        case 'abandon':
          break;
        case 'other':
          socket.write(encodeResult(message, resultCode.unwillingToPerform, 'the script knows binds and searches only'));
      }
    }
  });
}

function bindResponse(message: ReceivedMessage, answer: BindAnswer): Buffer {
  if (answer === 'success') return encodeResult(message, resultCode.success);
  const diagnostic = `80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data ${bindFailures[answer]}, v4563`;
  return encodeResult(message, resultCode.invalidCredentials, diagnostic);
}

const isDirSync = (request: SearchRequest): request is DirSyncSearch => request.dirSync !== undefined;

function chooseAnswer(request: SearchRequest, script: LdapScript, bound: boolean): DirSyncAnswer | SearchAnswer {
  const rootDse = Object.fromEntries(Object.entries({ ...defaultRootDse, ...script.rootDse }).filter(([, values]) => values.length > 0));
  if (request.baseDn === '' && request.scope === 'base') return { entries: [{ dn: '', attributes: rootDse }] };
  if (!bound) {
    const comment = 'In order to perform this operation a successful bind must be completed on the connection.';
    return { error: resultCode.operationsError, message: `000004DC: LdapErr: DSID-0C090A5C, comment: ${comment}, data 0, v4563` };
  }
  if (request.scope === 'base' && request.baseDn === rootDse.dsServiceName?.[0]) {
    const { invocationId = defaultInvocationId } = script;
    return { entries: [{ dn: request.baseDn, attributes: invocationId === null ? {} : { invocationId: [invocationId] } }] };
  }
  if (!isDirSync(request))
    return script.search?.(request) ?? { error: resultCode.noSuchObject, message: '0000208D: NameErr: no such object' };
  // Active Directory decodes Flags as a signed integer of 32 bits; 0x80000000 written as an unsigned one takes a fifth byte.
  if (request.dirSync.flagsLength > 4) {
    return {
      error: resultCode.protocolError,
      message: `Flags were encoded in ${request.dirSync.flagsLength} bytes, not as a signed int32`,
    };
  }
  const answer = typeof script.dirSync === 'function' ? script.dirSync(request) : script.dirSync?.shift();
  return answer ?? { error: resultCode.unwillingToPerform, message: 'the script has no further DirSync answer' };
}

async function answerSearch(socket: TLSSocket, message: ReceivedMessage, answer: DirSyncAnswer | SearchAnswer): Promise<void> {
  if ('hang' in answer) return;
  if ('error' in answer) {
    socket.write(encodeResult(message, answer.error, answer.message));
    return;
  }
  const broken = 'closeConnection' in answer;
  await writeEntries(socket, message, answer.entries ?? [], broken && answer.closeConnection === 'half');
  if (broken) {
    socket.end();
    return;
  }
  const controls = 'cookie' in answer ? [dirSyncResponse(answer.moreResults, answer.cookie)] : [];
  socket.write(encodeResult(message, resultCode.success, '', controls));
}

/** Bytes that are written at once. */
const chunkBytes = 64 * 1024;

async function writeEntries(socket: TLSSocket, message: ReceivedMessage, entries: Iterable<ScriptedEntry>, half: boolean): Promise<void> {
  let chunk: Buffer[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const encoded = encodeEntry(message, entry);
    chunk.push(encoded);
    bytes += encoded.length;
    if (bytes < chunkBytes || half) continue;
    if (!socket.write(Buffer.concat(chunk))) await once(socket, 'drain');
    [chunk, bytes] = [[], 0];
  }
  const last = half ? chunk.pop() : undefined;
  if (last !== undefined) chunk.push(last.subarray(0, Math.ceil(last.length / 2)));
  if (chunk.length > 0) socket.write(Buffer.concat(chunk));
}
