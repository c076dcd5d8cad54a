// LDAP messages as a server sees them: requests taken apart, responses put together (RFC 4511, section 4).

import { Attribute, Ber, BerReader, BerWriter, FilterParser } from 'ldapts';

export const dirSyncOid = '1.2.840.113556.1.4.841';

export interface ReceivedControl {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

export interface DirSyncRequest {
  /** As an unsigned number: LDAP_DIRSYNC_INCREMENTAL_VALUES is 0x80000000. */
  readonly flags: number;
  /** Bytes the flags' INTEGER was encoded in. */
  readonly flagsLength: number;
  readonly maxBytes: number;
  readonly cookie: Buffer;
}

export interface BindRequest {
  readonly operation: 'bind';
  readonly dn: string;
  readonly password: string;
}

export interface SearchRequest {
  readonly operation: 'search';
  readonly baseDn: string;
  readonly scope: 'base' | 'one' | 'sub';
  /** As text; the parser writes some attribute names in lower case. */
  readonly filter: string;
  readonly attributes: readonly string[];
  readonly controls: readonly ReceivedControl[];
  readonly dirSync?: DirSyncRequest;
}

export type ReceivedRequest = BindRequest | SearchRequest | { readonly operation: 'unbind' | 'abandon' | 'other' };

export interface ReceivedMessage {
  readonly id: number;
  readonly tag: number;
  readonly request: ReceivedRequest;
}

export interface ScriptedEntry {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly (string | Buffer)[]>>;
}

const tags = { bind: 0x60, unbind: 0x42, search: 0x63, searchEntry: 0x64, searchDone: 0x65, abandon: 0x50, controls: 0xa0 } as const;

const scopes = ['base', 'one', 'sub'] as const;

/** Cuts whole messages off the front of a stream. */
export function splitMessages(stream: Buffer): { messages: Buffer[]; rest: Buffer } {
  const messages: Buffer[] = [];
  let rest = stream;
  for (;;) {
    const reader = new BerReader(rest);
    if (reader.readSequence() === null || reader.remain < reader.length) return { messages, rest };
    const end = reader.offset + reader.length;
    messages.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
}

export function decodeMessage(message: Buffer): ReceivedMessage {
  const reader = new BerReader(message);
  reader.readSequence();
  const id = reader.readInt() ?? 0;
  const tag = reader.readSequence() ?? 0;
  const end = reader.offset + reader.length;
  switch (tag) {
    case tags.bind:
      return { id, tag, request: decodeBind(reader) };
    case tags.search:
      return { id, tag, request: decodeSearch(reader, end) };
    case tags.unbind:
      return { id, tag, request: { operation: 'unbind' } };
    case tags.abandon:
      return { id, tag, request: { operation: 'abandon' } };
    default:
      return { id, tag, request: { operation: 'other' } };
  }
}

/** A response without content of its own; its tag follows from the request's. */
export function encodeResult(
  message: ReceivedMessage,
  resultCode: number,
  diagnostic = '',
  controls: readonly ReceivedControl[] = [],
): Buffer {
  const searched = message.request.operation === 'search';
  return encode(
    message.id,
    searched ? tags.searchDone : 0x60 | ((message.tag & 0x1f) + 1),
    (writer) => {
      writer.writeEnumeration(resultCode);
      writer.writeString('');
      writer.writeString(diagnostic);
    },
    controls,
  );
}

export function encodeEntry(message: ReceivedMessage, entry: ScriptedEntry): Buffer {
  return encode(message.id, tags.searchEntry, (writer) => {
    writer.writeString(entry.dn);
    writer.startSequence();
    for (const [type, values] of Object.entries(entry.attributes)) {
      new Attribute({ type, values: values.map((value) => Buffer.from(value)) }).write(writer);
    }
    writer.endSequence();
  });
}

/** MS-ADTS, section 3.1.1.3.4.1.3: `SEQUENCE { MoreResults INTEGER, unused INTEGER, Cookie OCTET STRING }`. */
export function dirSyncResponse(moreResults: number, cookie: Buffer): ReceivedControl {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(moreResults);
  writer.writeInt(0);
  writer.writeBuffer(cookie, Ber.OctetString);
  writer.endSequence();
  return { oid: dirSyncOid, critical: false, value: writer.buffer };
}

function encode(id: number, tag: number, content: (writer: BerWriter) => void, controls: readonly ReceivedControl[] = []): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(tag);
  content(writer);
  writer.endSequence();
  if (controls.length > 0) {
    writer.startSequence(tags.controls);
    for (const control of controls) {
      writer.startSequence();
      writer.writeString(control.oid);
      writer.writeBuffer(control.value, Ber.OctetString);
      writer.endSequence();
    }
    writer.endSequence();
  }
  writer.endSequence();
  return writer.buffer;
}

function decodeBind(reader: BerReader): BindRequest {
  reader.readInt();
  const dn = reader.readString() ?? '';
  return { operation: 'bind', dn, password: reader.readString(Ber.Context) ?? '' };
}

function decodeSearch(reader: BerReader, end: number): SearchRequest {
  const baseDn = reader.readString() ?? '';
  const scope = scopes[reader.readEnumeration() ?? -1];
  if (scope === undefined) throw new Error('the search has no scope of RFC 4511');
  // derefAliases, sizeLimit, timeLimit and typesOnly change nothing here.
  reader.readEnumeration();
  reader.readInt();
  reader.readInt();
  reader.readBoolean();
  const filter = FilterParser.parse(reader).toString();
  const attributes: string[] = [];
  if (reader.offset < end) {
    reader.readSequence();
    while (reader.offset < end) attributes.push(reader.readString() ?? '');
  }
  const controls = decodeControls(reader);
  const dirSync = controls.find(({ oid }) => oid === dirSyncOid);
  return { operation: 'search', baseDn, scope, filter, attributes, controls, ...(dirSync && { dirSync: decodeDirSync(dirSync.value) }) };
}

function decodeControls(reader: BerReader): ReceivedControl[] {
  const controls: ReceivedControl[] = [];
  if (reader.peek() !== tags.controls) return controls;
  reader.readSequence();
  const end = reader.offset + reader.length;
  while (reader.offset < end) {
    reader.readSequence();
    const controlEnd = reader.offset + reader.length;
    const oid = reader.readString() ?? '';
    const critical = reader.peek() === Ber.Boolean ? (reader.readBoolean() ?? false) : false;
    const value = reader.offset < controlEnd ? reader.readString(Ber.OctetString, true) : null;
    controls.push({ oid, critical, value: value ?? Buffer.alloc(0) });
  }
  return controls;
}

function decodeDirSync(value: Buffer): DirSyncRequest {
  const reader = new BerReader(value);
  reader.readSequence();
  // As bytes: the reader's own integers end at 4, and a fifth is what is looked for here.
  const flags = reader.readString(Ber.Integer, true) ?? Buffer.alloc(0);
  const maxBytes = reader.readInt() ?? 0;
  const cookie = reader.readString(Ber.OctetString, true) ?? Buffer.alloc(0);
  return { flags: Number.parseInt(flags.toString('hex') || '0', 16), flagsLength: flags.length, maxBytes, cookie };
}
