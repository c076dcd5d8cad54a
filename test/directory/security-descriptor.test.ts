import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundedSddl, sddlText } from '../../handlers/directory/security-descriptor.ts';

interface Ace {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
  readonly sid: readonly number[];
  readonly objectType?: Buffer | undefined;
  readonly inheritedType?: Buffer | undefined;
  readonly rest?: Buffer;
}

interface Descriptor {
  readonly control: number;
  readonly owner?: readonly number[] | undefined;
  readonly group?: readonly number[] | undefined;
  readonly dacl?: readonly Ace[] | undefined;
  readonly sacl?: readonly Ace[] | undefined;
}

const numbers = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    bytes.writeUInt32LE(value >>> 0, 4 * index);
  });
  return bytes;
};
/** A SID of authority 5 with these sub-authorities. */
const sidBytes = (parts: readonly number[]): Buffer => Buffer.concat([Buffer.from([1, parts.length, 0, 0, 0, 0, 0, 5]), numbers(...parts)]);
const objectTypes = [5, 6, 7];

function aceBytes({ type, flags, mask, sid, objectType, inheritedType, rest }: Ace): Buffer {
  const objectFlags = (objectType ? 1 : 0) + (inheritedType ? 2 : 0);
  const types = objectTypes.includes(type) ? [numbers(objectFlags), objectType ?? Buffer.of(), inheritedType ?? Buffer.of()] : [];
  const body = Buffer.concat([numbers(mask), ...types, sidBytes(sid), rest ?? Buffer.of()]);
  const header = Buffer.from([type, flags, 0, 0]);
  header.writeUInt16LE(4 + body.length, 2);
  return Buffer.concat([header, body]);
}

function aclBytes(aces: readonly Ace[]): Buffer {
  const body = Buffer.concat(aces.map(aceBytes));
  const header = Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt16LE(8 + body.length, 2);
  header.writeUInt16LE(aces.length, 4);
  return Buffer.concat([header, body]);
}

function descriptorBytes({ control, owner, group, dacl, sacl }: Descriptor): Buffer {
  const present = 0x8000 | (dacl ? 4 : 0) | (sacl ? 16 : 0);
  const parts = [owner && sidBytes(owner), group && sidBytes(group), sacl && aclBytes(sacl), dacl && aclBytes(dacl)];
  let end = 20;
  const offsets = parts.map((part) => {
    if (part === undefined) return 0;
    end += part.length;
    return end - part.length;
  });
  const header = Buffer.from([1, 0, 0, 0]);
  header.writeUInt16LE(control | present, 2);
  return Buffer.concat([header, numbers(...offsets), ...parts.filter((part) => part !== undefined)]);
}

const everyone = [11];
const administrators = [32, 544];
const guid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const withAce = (ace: Partial<Ace>): string =>
  sddlText(descriptorBytes({ control: 0, dacl: [{ type: 0, flags: 0, mask: 0x10, sid: everyone, ...ace }] }));

describe('the text of a security descriptor', () => {
  test('GIVEN owner, group and both lists THEN they come in the order of SDDL, with the flags of the lists', () => {
    const text = sddlText(
      descriptorBytes({
        control: 0x1000 | 0x100 | 0x400 | 0x2000 | 0x200 | 0x800,
        owner: administrators,
        group: [32, 545],
        dacl: [{ type: 0, flags: 0x2, mask: 0xf01ff, sid: administrators }],
        sacl: [{ type: 2, flags: 0xc0, mask: 0x20, sid: everyone }],
      }),
    );
    expect(text).toBe('O:S-1-5-32-544G:S-1-5-32-545D:PARAI(A;CI;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;S-1-5-32-544)S:PARAI(AU;SAFA;WP;;;S-1-5-11)');
  });

  test('WHEN the access list is missing, null or empty THEN these are three different texts', () => {
    const nullList = descriptorBytes({ control: 4 });
    expect([sddlText(descriptorBytes({ control: 0 })), sddlText(nullList), sddlText(descriptorBytes({ control: 0, dacl: [] }))]).toEqual([
      '',
      'D:NO_ACCESS_CONTROL',
      'D:',
    ]);
  });

  test.each<[string, Partial<Ace>, string]>([
    ['a deny', { type: 1 }, 'D:(D;;RP;;;S-1-5-11)'],
    ['an object type', { type: 5, objectType: guid }, 'D:(OA;;RP;33221100-5544-7766-8899-aabbccddeeff;;S-1-5-11)'],
    ['an inherited type', { type: 6, inheritedType: guid }, 'D:(OD;;RP;;33221100-5544-7766-8899-aabbccddeeff;S-1-5-11)'],
    ['no type in an object entry', { type: 7 }, 'D:(OU;;RP;;;S-1-5-11)'],
    ['generic rights', { mask: 0xf000_0000 }, 'D:(A;;GAGXGWGR;;;S-1-5-11)'],
    ['rights without letters', { mask: 0x2_0211 }, 'D:(A;;0x20211;;;S-1-5-11)'],
    ['no rights', { mask: 0 }, 'D:(A;;0x0;;;S-1-5-11)'],
    ['every flag that has letters', { flags: 0xdf }, 'D:(A;OICINPIOIDSAFA;RP;;;S-1-5-11)'],
    ['a flag without letters', { flags: 0x22 }, 'D:(A;0x22;RP;;;S-1-5-11)'],
    ['bytes after the SID', { rest: Buffer.from('61727478', 'hex') }, 'D:(A;;RP;;;S-1-5-11;0x61727478)'],
    ['padding after the SID', { rest: Buffer.alloc(4) }, 'D:(A;;RP;;;S-1-5-11)'],
    // A callback entry (type 9) ends in a condition: its bytes are shown, not dropped.
    ['an unknown type', { type: 9, flags: 2 }, 'D:(0x9;CI;0x100000000101000000000005' + '0b000000)'],
  ])('GIVEN an entry with %s THEN it is %j → %s', (_, ace, text) => {
    expect(withAce(ace)).toBe(text);
  });

  // MS-DTYP section 2.5.1.1 and MS-ADTS section 5.1.3.2.
  test.each([
    ...[...'CC DC LC SW RP WP DT LO CR'.split(' ').entries()],
    ...['SD', 'RC', 'WD', 'WO'].map((letters, index): [number, string] => [16 + index, letters]),
    ...['GA', 'GX', 'GW', 'GR'].map((letters, index): [number, string] => [28 + index, letters]),
  ])('WHEN only bit %i of the mask is set THEN the right is %s', (bit, letters) => {
    expect(withAce({ mask: 2 ** bit })).toBe(`D:(A;;${letters};;;S-1-5-11)`);
  });
});

const sid = fc.array(fc.nat(0xffff_ffff), { minLength: 1, maxLength: 15 });
const guids = fc.option(
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  { nil: undefined },
);
const ace: fc.Arbitrary<Ace> = fc
  .record({
    type: fc.constantFrom(0, 1, 2, 5, 6, 7),
    flags: fc.nat(255),
    mask: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0x10, 0x20094, 0xf01ff, 0x8000_0000)),
    sid,
    objectType: guids,
    inheritedType: guids,
  })
  .map(({ objectType, inheritedType, ...plain }) => (objectTypes.includes(plain.type) ? { ...plain, objectType, inheritedType } : plain));
const descriptor: fc.Arbitrary<Descriptor> = fc.record({
  control: fc.nat(0x3f).map((bits) => bits << 8),
  owner: fc.option(sid, { nil: undefined }),
  group: fc.option(sid, { nil: undefined }),
  dacl: fc.option(fc.array(ace, { maxLength: 6 }), { nil: undefined }),
  sacl: fc.option(fc.array(ace, { maxLength: 3 }), { nil: undefined }),
});

/** The text, or undefined where the bytes are refused as they should be. */
function textOrRefusal(bytes: Buffer): string | undefined {
  try {
    return sddlText(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(/^not a security descriptor: /);
    return undefined;
  }
}

describe('any bytes', () => {
  test('GIVEN two descriptors THEN their texts are equal exactly when they say the same', () => {
    fc.assert(
      fc.property(descriptor, descriptor, fc.boolean(), (one, another, twins) => {
        const other = twins ? { ...one } : another;
        const said = ({ control, ...rest }: Descriptor) => {
          const [p, ar, ai] = rest.dacl ? [control & 0x1000, control & 0x100, control & 0x400] : [];
          const [sp, sar, sai] = rest.sacl ? [control & 0x2000, control & 0x200, control & 0x800] : [];
          return JSON.stringify([p, ar, ai, sp, sar, sai, rest.owner, rest.group, rest.dacl, rest.sacl]);
        };
        expect(sddlText(descriptorBytes(one)) === sddlText(descriptorBytes(other))).toBe(said(one) === said(other));
      }),
    );
  });

  test('fails for a descriptor that is cut off, wherever it is', () => {
    fc.assert(
      fc.property(descriptor, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (whole, share) => {
        const bytes = descriptorBytes(whole);
        expect(textOrRefusal(bytes.subarray(0, Math.floor(bytes.length * share)))).toBeUndefined();
      }),
    );
  });

  test('GIVEN a descriptor with bytes changed THEN it is read or refused, and its text is no longer than its bytes can say', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(descriptor, changes, (whole, edits) => {
        const bytes = descriptorBytes(whole);
        for (const [position, value] of edits) bytes[position % bytes.length] = value;
        expect(textOrRefusal(bytes)?.length ?? 0).toBeLessThan(40 * bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  test('GIVEN noise after a valid start THEN it is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        textOrRefusal(Buffer.from(noise));
        textOrRefusal(Buffer.concat([Buffer.from([1, 0, 0x14, 0x80]), noise]));
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.of(), /the header at 0 needs 20 bytes, there are 0/],
    ['another revision', Buffer.concat([Buffer.from([2, 0, 0, 0x80]), Buffer.alloc(16)]), /its revision is 2, not 1/],
    ['pointers of a process', Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(16)]), /it is not self-relative/],
    ['an owner outside', Buffer.concat([Buffer.from([1, 0, 0, 0x80]), numbers(0xffff_fff0, 0, 0, 0)]), /a SID at 4294967280 needs 8 bytes/],
    [
      'a SID of 16 sub-authorities',
      Buffer.concat([Buffer.from([1, 0, 0, 0x80]), numbers(20, 0, 0, 0), Buffer.from([1, 16]), Buffer.alloc(70)]),
      /at most 15 sub-authorities, got 16/,
    ],
    [
      'an entry that does not move on',
      Buffer.concat([Buffer.from([1, 0, 4, 0x80]), numbers(0, 0, 0, 20), Buffer.from([4, 0, 16, 0, 255, 255, 0, 0]), Buffer.alloc(8)]),
      /an entry of 0 bytes has no room for its header/,
    ],
    [
      'more entries than the list holds',
      Buffer.concat([Buffer.from([1, 0, 4, 0x80]), numbers(0, 0, 0, 20), Buffer.from([4, 0, 12, 0, 255, 255, 0, 0, 9, 0, 4, 0])]),
      /an entry at 12 needs 4 bytes, there are 0/,
    ],
    [
      'a list smaller than its header',
      Buffer.concat([Buffer.from([1, 0, 4, 0x80]), numbers(0, 0, 0, 20), Buffer.from([4, 0, 4, 0, 1, 0, 0, 0])]),
      /an entry at 8 needs 4 bytes/,
    ],
  ])('fails for %s', (_, bytes, message) => {
    expect(() => sddlText(bytes)).toThrow(RangeError);
    expect(() => sddlText(bytes)).toThrow(message);
  });
});

describe('a text within an event', () => {
  const before = 'O:S-1-5-18G:S-1-5-18D:PAI(A;;RP;;;S-1-5-11)(A;;WP;;;S-1-5-32-544)S:(A;;RP;;;S-1-5-11)';

  test('WHEN a text is longer than an event may carry THEN it ends at a whole entry and still differs from every other', () => {
    const entries = Array.from({ length: 2_000 }, (_, index) => `(A;CI;RPWP;;;S-1-5-21-1-2-3-${1_000 + index})`);
    const long = `D:PAI${entries.join('')}`;
    const [one, other] = [boundedSddl(long), boundedSddl(`${long.slice(0, -2)}0)`)];
    for (const text of [one, other]) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(60 * 1024);
      expect(Buffer.byteLength(text)).toBeGreaterThan(60 * 1024 - 200);
      expect(text).toMatch(/\)\(… \d+ more, sha256 [0-9a-f]{64}\)$/);
    }
    expect(one).not.toBe(other);
    const left = Number(/… (\d+) more/.exec(one)?.[1]);
    expect(one.startsWith(`D:PAI${entries.slice(0, entries.length - left).join('')}(…`)).toBe(true);
    expect(boundedSddl(before)).toBe(before);
  });
});
