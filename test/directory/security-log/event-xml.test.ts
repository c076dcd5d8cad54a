/** Messages that are hostile, huge or broken: counted, and done with quickly. */
import { describe, expect, test } from 'vitest';
import { maximumDepth, maximumEventBytes, nothingDropped } from '../../../handlers/directory/security-log/event-xml.ts';
import { readSecurityEvents } from '../../../handlers/directory/security-log/security-event.ts';
import { oneLine, userSid } from './windows-events.ts';

const whole = oneLine({ id: 4720, data: { TargetSid: userSid } });
const other = oneLine({ id: 4726, recordId: 410205, data: { TargetSid: userSid } });
/** `whole` with XML in place of a value. */
const holding = (xml: string) => whole.replace('</EventData>', `<Data Name='DisplayName'>${xml}</Data></EventData>`);
const beside = (xml: string) => whole.replace('</EventData>', `${xml}</EventData>`);

const reads = (message: string, ids: readonly number[], counts: Partial<ReturnType<typeof nothingDropped>> = {}) => {
  const read = readSecurityEvents(message);
  expect(read.events.map(({ eventId }) => eventId)).toEqual(ids);
  expect(read.dropped).toEqual({ ...nothingDropped(), ...counts });
};

describe('GIVEN text that is no event', () => {
  test.each([
    ['nothing', ''],
    ['a line of an agent', '2025-03-01T10:00:00Z [INFO] 4720 started'],
    ['JSON', '{"EventID":4720}'],
    ['an element whose name begins alike', '<EventData><EventID>4720</EventID></EventData>'],
    ['the rest of an event that was cut off before', whole.slice(200)],
    ['an XML declaration alone', '<?xml version="1.0"?>'],
  ])('WHEN it is %s THEN it is counted as such', (_, text) => reads(text, [], { 'not-an-event': 1 }));
});

describe('GIVEN events that are not as Windows writes them', () => {
  test.each([
    ['an element that does not end', beside('<Data>')],
    ['an end that does not fit', whole.replace('</System>', '</Sys>')],
    ['a bare ampersand', holding('a & b')],
    ['a character that XML does not have', holding('\u0001')],
    ['a reference to such a character', holding('&#0;')],
    ['an attribute twice', whole.replace('<System>', "<System a='1' a='2'>")],
    ['an attribute without quotes', whole.replace('<System>', '<System a=1>')],
    ['an element in a value', holding('<b>Ada</b>')],
    ['two EventIDs', whole.replace('<Version>', '<EventID>4726</EventID><Version>')],
    ['two System sections', whole.replace('<EventData>', '<System><Level>0</Level></System><EventData>')],
    ['two EventData sections', whole.replace('</Event>', '<EventData></EventData></Event>')],
    ['a field twice', beside("<Data Name='SubjectUserSid'>S-1-5-18</Data>")],
    ['no System', '<Event><EventData></EventData></Event>'],
  ])('fails to read one with %s, and reads the one after it', (_, xml) => {
    reads(xml + other, [4726], { malformed: 1 });
  });

  test('an empty element is no event: no end of it comes', () => reads(`<Event/>${other}`, [4726], { 'cut-off': 1 }));
});

describe('GIVEN hostile XML', () => {
  const doctype = '<!DOCTYPE Event [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>';

  test.each([
    ['an entity that a DOCTYPE would define', holding('&b;')],
    ['an external entity', holding('&xxe;')],
    ['an entity with the name of a property', holding('&constructor;')],
    ['a processing instruction', holding('<?php echo 1 ?>')],
    ['more levels than Windows has', beside('<a>'.repeat(maximumDepth) + '</a>'.repeat(maximumDepth))],
  ])('fails to read an event with %s, and reads the one after it', (_, xml) => reads(xml + other, [4726], { hostile: 1 }));

  test('as many levels as are allowed are read', () => {
    const inside = maximumDepth - 2;
    reads(beside('<a>'.repeat(inside) + '</a>'.repeat(inside)), [4720]);
  });

  test.each([
    ['a DOCTYPE', doctype + whole],
    ['a DOCTYPE in an event', whole.replace('<System>', `${doctype}<System>`)],
    ['a CDATA section that holds an event', holding(`<![CDATA[</Data></EventData></Event>${other}`)],
    ['a comment that holds an event', `<!-- ${other} -->`],
    ['an instruction that holds an event', `<?x ${other} ?>`],
  ])('fails to read anything from %s on', (_, xml) => reads(`${other}\n${xml}${other}`, [4726], { hostile: 1 }));

  test('WHEN a value holds an event that nobody escaped THEN neither is believed', () => {
    const forged = oneLine({ id: 4726, recordId: 9, data: { SubjectUserName: 'somebody.else' } });
    reads(holding(forged), [], { hostile: 2 });
    reads(holding(`${forged}${forged}`) + other, [4726], { hostile: 3 });
    reads(holding(holding(forged)), [], { hostile: 3 });
    reads(holding(`${forged}<![CDATA[`), [], { hostile: 2 });
  });
});

describe('GIVEN sizes that nobody needs', () => {
  test('an event of 64 KiB is read, one of a byte more is not', () => {
    const room = maximumEventBytes - Buffer.byteLength(holding(''));
    reads(holding('x'.repeat(room)), [4720]);
    reads(holding('x'.repeat(room + 1)) + other, [4726], { 'too-large': 1 });
    // Bytes, not characters.
    reads(holding('ü'.repeat(room / 2 + 1)) + other, [4726], { 'too-large': 1 });
  });

  test('five megabytes of openings are cut-off events, each of them counted', () => {
    const count = Math.floor((5 * 1024 * 1024) / '<Event>'.length);
    reads('<Event>'.repeat(count), [], { 'cut-off': count });
    reads('<Event>'.repeat(count) + whole, [4720], { 'cut-off': count });
  });

  test('five megabytes of events in events are hostile, each of them counted', () => {
    const count = Math.floor((5 * 1024 * 1024) / '<Event></Event>'.length);
    reads('<Event>'.repeat(count) + '</Event>'.repeat(count), [], { hostile: count });
  });

  test('five megabytes of ends, of blanks before an end, of levels, of ampersands, of instructions: one count each', () => {
    const megabytes = (text: string) => text.repeat(Math.ceil((5 * 1024 * 1024) / text.length));
    reads(megabytes('</Event>'), [], { 'not-an-event': 1 });
    reads(megabytes('</Event '), [], { 'not-an-event': 1 });
    reads(`${whole}</Event${megabytes(' ')}`, [4720]);
    reads(beside(megabytes('<a>')), [], { 'too-large': 1 });
    reads(holding(megabytes('&a')), [], { 'too-large': 1 });
    reads(megabytes('<Event <?'), [], { hostile: 1 });
    reads(megabytes('<?x ?>'), [], { 'not-an-event': 1 });
    reads(megabytes('<?x '), [], { hostile: 1 });
  });

  test('five megabytes of events that are as large as may be are read one by one', () => {
    const large = holding('&amp;'.repeat(12_000));
    const count = Math.floor((5 * 1024 * 1024) / large.length);
    expect(large.length).toBeGreaterThan(60_000);
    reads(
      large.repeat(count),
      Array.from({ length: count }, () => 4720),
    );
  });

  test('an event full of attributes or of entities without end is dropped', () => {
    const attributes = Array.from({ length: 6_000 }, (_, index) => `a${index}='1'`).join(' ');
    reads(beside(`<a ${attributes}/>`), [4720]);
    reads(holding('&a'.repeat(30_000)), [], { malformed: 1 });
  });
});
