import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guidBytes, guidText, parseExtendedName, sidText } from '../../handlers/platform/object-identity.ts';

describe('objectGUID', () => {
  test('WHEN its bytes count up THEN the first three fields are read from the back (MS-DTYP section 2.3.4.2)', () => {
    expect(guidText(Buffer.from('00112233445566778899aabbccddeeff', 'hex'))).toBe('33221100-5544-7766-8899-aabbccddeeff');
  });

  test('THEN different bytes never have the same text', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        expect(guidText(one) === guidText(other)).toBe(one.equals(other));
        expect(guidText(one)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      }),
    );
  });

  test('THEN its text leads back to its bytes, in either case of the letters', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (array) => {
        const bytes = Buffer.from(array);
        expect(guidBytes(guidText(bytes)).equals(bytes)).toBe(true);
        expect(guidBytes(guidText(bytes).toUpperCase()).equals(bytes)).toBe(true);
      }),
    );
  });

  test.each(['', 'S-1-5-21-1-2-3-4', '33221100-5544-7766-8899-aabbccddee', '33221100-5544-7766-8899-aabbccddeeff00', 'x'.repeat(36)])(
    'fails for the text %j, which is no GUID',
    (text) => {
      expect(() => guidBytes(text)).toThrow(`not a GUID: ${JSON.stringify(text)}`);
    },
  );

  test.each([0, 15, 17])('fails for %i bytes', (length) => {
    expect(() => guidText(Buffer.alloc(length))).toThrow(`an objectGUID has 16 bytes, got ${length}`);
  });
});

describe('objectSid', () => {
  test.each([
    ['S-1-5-32-544', '01020000000000052000000020020000'],
    ['S-1-1-0', '010100000000000100000000'],
    ['S-1-5-21-4294967295-1-2-500', '010500000000000515000000ffffffff0100000002000000f4010000'],
    ['S-1-281474976710655-0', '0101ffffffffffff00000000'],
  ])('WHEN the bytes are those of %s THEN this is its text (MS-DTYP section 2.4.2)', (text, hex) => {
    expect(sidText(Buffer.from(hex, 'hex'))).toBe(text);
  });

  test.each(['', '01', '0102000000000005', '010100000000000500000000ff', '0102000000000005200000002002'])(
    'fails for bytes that are cut off or too many: %s',
    (hex) => {
      expect(() => sidText(Buffer.from(hex, 'hex'))).toThrow(RangeError);
    },
  );
});

describe('an extended name', () => {
  const guid = '0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0';

  test.each([
    [`<GUID=${guid}>;<SID=S-1-5-21-1-2-3-4>;CN=Ada,DC=example,DC=com`, { guid, sid: 'S-1-5-21-1-2-3-4', dn: 'CN=Ada,DC=example,DC=com' }],
    // An object without a SID, as a contact is.
    [`<GUID=${guid}>;CN=Ada,DC=example,DC=com`, { guid, dn: 'CN=Ada,DC=example,DC=com' }],
    [`<GUID=${guid.toUpperCase()}>;CN=Ada`, { guid, dn: 'CN=Ada' }],
    [`<GUID=${guid}>;CN=a\\;b<SID=S-1-1-0>`, { guid, dn: 'CN=a\\;b<SID=S-1-1-0>' }],
    [`<GUID=${guid}>;CN=two\nlines`, { guid, dn: 'CN=two\nlines' }],
    // A deleted object, seen without replication rights.
    [`<GUID=${guid}>;<SID=S-1-5-21-1-2-3-4>`, { guid, sid: 'S-1-5-21-1-2-3-4', dn: '' }],
    [`<GUID=${guid}>`, { guid, dn: '' }],
  ])('WHEN it is %j THEN its parts are read', (text, parts) => {
    expect(parseExtendedName(text)).toEqual(parts);
  });

  test.each([
    '',
    'CN=Ada,DC=example,DC=com',
    '<SID=S-1-5-21>;CN=Ada',
    '<GUID=0f1e2d3c>;CN=Ada',
    ` <GUID=${guid}>;CN=Ada`,
    `<GUID=${guid}>CN=Ada`,
  ])('fails without a whole GUID in front: %j', (text) => {
    expect(() => parseExtendedName(text)).toThrow(SyntaxError);
  });
});
