/**
 * Security descriptors as a reviewer reads them: the binary form of nTSecurityDescriptor (MS-DTYP section 2.4.6) in the text form SDDL
 * (MS-DTYP section 2.5.1). Identities stay SIDs, never aliases such as DA or BA: a reviewer sees the same text for the same
 * identity everywhere, and finds it by a search.
 */
import { createHash } from 'node:crypto';
import { guidText, sidText } from '../platform/object-identity.ts';

type Letters = readonly (readonly [number, string])[];

/** Access rights of directory objects, standard and generic rights (MS-ADTS section 5.1.3.2). */
const rights: Letters = [
  [0x1, 'CC'],
  [0x2, 'DC'],
  [0x4, 'LC'],
  [0x8, 'SW'],
  [0x10, 'RP'],
  [0x20, 'WP'],
  [0x40, 'DT'],
  [0x80, 'LO'],
  [0x100, 'CR'],
  [0x1_0000, 'SD'],
  [0x2_0000, 'RC'],
  [0x4_0000, 'WD'],
  [0x8_0000, 'WO'],
  [0x1000_0000, 'GA'],
  [0x2000_0000, 'GX'],
  [0x4000_0000, 'GW'],
  [0x8000_0000, 'GR'],
];

/** MS-DTYP section 2.4.4.1. */
const aceFlags: Letters = [
  [0x1, 'OI'],
  [0x2, 'CI'],
  [0x4, 'NP'],
  [0x8, 'IO'],
  [0x10, 'ID'],
  [0x40, 'SA'],
  [0x80, 'FA'],
];

/** The entry types that have a mask and a SID and nothing else but, in the object types, GUIDs (MS-DTYP section 2.4.4). */
const aceTypes: ReadonlyMap<number, string> = new Map([
  [0x0, 'A'],
  [0x1, 'D'],
  [0x2, 'AU'],
  [0x5, 'OA'],
  [0x6, 'OD'],
  [0x7, 'OU'],
]);

/** Control bits (MS-DTYP section 2.4.6): whether there is a list, and its flags. */
const discretionary = {
  letter: 'D',
  present: 0x4,
  offsetAt: 16,
  flags: [
    [0x1000, 'P'],
    [0x100, 'AR'],
    [0x400, 'AI'],
  ] satisfies Letters,
};
const system = {
  letter: 'S',
  present: 0x10,
  offsetAt: 12,
  flags: [
    [0x2000, 'P'],
    [0x200, 'AR'],
    [0x800, 'AI'],
  ] satisfies Letters,
};
const selfRelative = 0x8000;

/**
 * The SDDL of a self-relative security descriptor: `O:S-1-…G:S-1-…D:PAI(A;CI;RPWP;;;S-1-…)`.
 *
 * Nothing is left out: an access mask or flags that the letters do not cover exactly are hex (`0x20014`); an entry of another type is
 * `(0x9;CI;0x…)`, its type, its flags and the bytes after its header; bytes after an entry's SID are a seventh field. A missing list that
 * grants everybody everything (a null DACL) is `D:NO_ACCESS_CONTROL`, as Windows writes it; an empty one, which grants nothing, is `D:`.
 *
 * @throws RangeError when the bytes are cut off, point outside themselves or are no self-relative descriptor of revision 1
 */
export function sddlText(bytes: Buffer): string {
  const header = part(bytes, 0, 20, 'the header');
  if (header[0] !== 1) throw malformed(`its revision is ${header[0]}, not 1`);
  const control = header.readUInt16LE(2);
  if ((control & selfRelative) === 0) throw malformed('it is not self-relative');
  const identity = (letter: string, offsetAt: number): string => {
    const offset = header.readUInt32LE(offsetAt);
    return offset === 0 ? '' : `${letter}:${sidAt(bytes, offset).text}`;
  };
  const list = ({ letter, present, offsetAt, flags }: typeof discretionary): string => {
    if ((control & present) === 0) return '';
    const offset = header.readUInt32LE(offsetAt);
    const set = flags.map(([bit, name]) => ((control & bit) === 0 ? '' : name)).join('');
    return `${letter}:${set}${offset === 0 ? 'NO_ACCESS_CONTROL' : entries(bytes, offset)}`;
  };
  return [identity('O', 4), identity('G', 8), list(discretionary), list(system)].join('');
}

/** The entries of an access control list (MS-DTYP section 2.4.5). Each has at least its own header, so the walk ends. */
function entries(bytes: Buffer, offset: number): string {
  const header = part(bytes, offset, 8, 'an access control list');
  const list = part(bytes, offset, header.readUInt16LE(2), 'an access control list');
  const texts: string[] = [];
  let position = 8;
  for (let left = header.readUInt16LE(4); left > 0; left -= 1) {
    const size = part(list, position, 4, 'an entry').readUInt16LE(2);
    if (size < 4) throw malformed(`an entry of ${size} bytes has no room for its header`);
    texts.push(entry(part(list, position, size, 'an entry')));
    position += size;
  }
  return texts.join('');
}

function entry(ace: Buffer): string {
  const [typeByte = 0, flagsByte = 0] = ace;
  const type = aceTypes.get(typeByte);
  const flags = flagsByte === 0 ? '' : letters(flagsByte, aceFlags);
  if (type === undefined) return `(0x${typeByte.toString(16)};${flags};0x${ace.toString('hex', 4)})`;
  const mask = letters(part(ace, 4, 4, 'an access mask').readUInt32LE(0), rights);
  let position = 8;
  const guid = (present: boolean): string => {
    if (!present) return '';
    position += 16;
    return guidText(part(ace, position - 16, 16, 'an object type'));
  };
  let objectFlags = 0;
  if (type.startsWith('O')) {
    objectFlags = part(ace, position, 4, 'the object flags').readUInt32LE(0);
    position += 4;
  }
  const [objectType, inheritedType] = [guid((objectFlags & 1) !== 0), guid((objectFlags & 2) !== 0)];
  const sid = sidAt(ace, position);
  const rest = ace.subarray(sid.end);
  const more = rest.every((byte) => byte === 0) ? '' : `;0x${rest.toString('hex')}`;
  return `(${type};${flags};${mask};${objectType};${inheritedType};${sid.text}${more})`;
}

/** Bits as letters where these cover them exactly, else as hex. */
function letters(value: number, table: Letters): string {
  const set = table.filter(([bit]) => (value & bit) !== 0);
  const covered = set.reduce((sum, [bit]) => sum + bit, 0);
  return covered === value && value !== 0 ? set.map(([, name]) => name).join('') : `0x${value.toString(16)}`;
}

function sidAt(bytes: Buffer, offset: number): { readonly text: string; readonly end: number } {
  const count = part(bytes, offset, 8, 'a SID')[1] ?? 0;
  // SID_MAX_SUB_AUTHORITIES (MS-DTYP section 2.4.2.2).
  if (count > 15) throw malformed(`a SID has at most 15 sub-authorities, got ${count}`);
  const end = offset + 8 + 4 * count;
  return { text: sidText(part(bytes, offset, end - offset, 'a SID')), end };
}

/** Every read goes through here. */
function part(bytes: Buffer, offset: number, length: number, what: string): Buffer {
  if (offset + length > bytes.length)
    throw malformed(`${what} at ${offset} needs ${length} bytes, there are ${Math.max(0, bytes.length - offset)}`);
  return bytes.subarray(offset, offset + length);
}

const malformed = (reason: string): RangeError => new RangeError(`not a security descriptor: ${reason}`);

const sddlParts = /[OG]:S[\d-]+|[DS]:[A-Z_]*(?!:)|\([^()]*\)/g;

/**
 * SDDL of at most `limit` characters (all ASCII, so bytes): whole entries from the front, then how many are left out and the SHA-256 of the
 * whole text, so that two different descriptors never look alike.
 */
export function boundedSddl(sddl: string, limit = 60 * 1024): string {
  if (sddl.length <= limit) return sddl;
  const digest = createHash('sha256').update(sddl).digest('hex');
  const parts = sddl.match(sddlParts) ?? [];
  const note = (left: number): string => `(… ${left} more, sha256 ${digest})`;
  const room = limit - note(parts.length).length - 2;
  let length = 0;
  const kept = parts.findIndex((text) => {
    length += text.length;
    return length > room;
  });
  return parts.slice(0, kept).join('') + note(parts.length - kept);
}
