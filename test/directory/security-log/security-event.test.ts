/** What events of the Security log mean, on samples of others and on our own. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventIdsOfInterest } from '../../../handlers/directory/security-log/event-ids.ts';
import { type Dropped, nothingDropped } from '../../../handlers/directory/security-log/event-xml.ts';
import { readSecurityEvents } from '../../../handlers/directory/security-log/security-event.ts';
import { admin, forms, groupSid, manyLines, objectGuid, oneLine, userSid, type WindowsEvent } from './windows-events.ts';

const dropped = (counts: Partial<Dropped> = {}): Dropped => ({ ...nothingDropped(), ...counts });

/** The events of a message that holds nothing else. */
function events(message: string) {
  const read = readSecurityEvents(message);
  expect(read.dropped).toEqual(dropped());
  return read.events;
}

interface Sample {
  readonly file: string;
  readonly id: number;
  readonly wellFormed: boolean;
  readonly computer: string;
  readonly timeCreated: string;
  readonly expected: {
    readonly subjectSid?: string;
    readonly subjectName?: string;
    readonly subjectDomain?: string;
    readonly targetSid?: string;
    readonly memberSid?: string;
    readonly objectGUID?: string;
  } | null;
}

const sampleFolder = new URL('../../../../shared/data/security-events/', import.meta.url);

describe.runIf(existsSync(sampleFolder))('GIVEN real samples of others', () => {
  const text = (file: string) => readFileSync(new URL(file, sampleFolder), 'utf8');
  const samples = existsSync(sampleFolder) ? (JSON.parse(text('index.json')) as readonly Sample[]) : [];
  const directory = samples.filter(({ id }) => eventIdsOfInterest.includes(id));
  const rewritings = [
    ['as it is', (xml: string) => xml],
    ['on one line in single quotes', (xml: string) => xml.replace(/\s*\r?\n[\s-]*/g, '').replaceAll('"', "'")],
    ['between words of an agent', (xml: string) => `2025-03-01 security 4720 < & [${xml}] and so on`],
  ] as const;

  test('every sample is in the index, and both kinds are there', () => {
    const files = readdirSync(sampleFolder).filter((name) => name.endsWith('.xml'));
    expect(samples.map(({ file }) => file).sort()).toEqual(files.sort());
    expect(directory.length).toBeGreaterThan(8);
    expect(directory.length).toBeLessThan(samples.length);
  });

  describe.each(rewritings)('%s', (_, rewritten) => {
    test.each(directory.map((sample) => [sample.file, sample] as const))(
      'WHEN %s is read THEN it tells who did what to whom',
      (file, sample) => {
        const { subjectSid, subjectName, subjectDomain, targetSid, memberSid, objectGUID } = sample.expected ?? {};
        const [event, ...more] = events(rewritten(text(file)));
        expect(more).toEqual([]);
        expect(event).toMatchObject({ eventId: sample.id, computer: sample.computer });
        expect(event?.actor).toEqual({ sid: subjectSid, name: `${subjectDomain}\\${subjectName}` });
        expect(event?.targetSid).toBe(targetSid);
        expect(event?.memberSid).toBe(memberSid);
        expect(event?.objectGuid).toBe(objectGUID?.slice(1, -1).toLowerCase());
        expect(event?.occurredAt).toBe(`${sample.timeCreated.slice(0, 23)}Z`);
      },
    );

    test.each(samples.filter((sample) => !directory.includes(sample)).map((sample) => [sample.file, sample] as const))(
      'WHEN %s is read THEN it is counted and dropped',
      (file, { wellFormed }) => {
        const kind = wellFormed ? 'other-event-id' : 'malformed';
        expect(readSecurityEvents(rewritten(text(file)))).toEqual({ events: [], dropped: dropped({ [kind]: 1 }) });
      },
    );
  });

  test('WHEN all of them come in one record THEN each is read for itself', () => {
    const read = readSecurityEvents(samples.map(({ file }) => text(file)).join('\n'));
    expect(read.events.map(({ eventId }) => eventId)).toEqual(directory.map(({ id }) => id));
    expect(read.dropped).toEqual(dropped({ 'other-event-id': samples.length - directory.length - 1, malformed: 1 }));
  });

  test('WHEN a sample is cut anywhere THEN neither part yields an event', () => {
    const xml = text('4728-atc-1.xml');
    for (let at = 1; at < xml.trimEnd().length; at += 7) {
      expect(readSecurityEvents(xml.slice(0, at)).events).toEqual([]);
      expect(readSecurityEvents(xml.slice(at)).events).toEqual([]);
    }
  });
});

test.runIf(!existsSync(sampleFolder))('needs shared/data/security-events', ({ skip }) => {
  console.warn('shared/data/security-events is absent: the samples of others are not read');
  if (process.env.CI) throw new Error('shared/data/security-events is absent in CI');
  skip('shared/data/security-events is absent');
});

describe.each(forms)('GIVEN events of example.com %s', (_, form) => {
  test.each([
    [4720, 'created'],
    [4722, 'enabled'],
    [4723, 'password-changed'],
    [4724, 'password-reset'],
    [4725, 'disabled'],
    [4726, 'deleted'],
    [4738, 'changed'],
    [4740, 'locked-out'],
    [4767, 'unlocked'],
    [4781, 'renamed'],
    [4728, 'member-added'],
    [4732, 'member-added'],
    [4756, 'member-added'],
    [4729, 'member-removed'],
    [4733, 'member-removed'],
    [4757, 'member-removed'],
    [4727, 'created'],
    [4731, 'created'],
    [4754, 'created'],
    [4730, 'deleted'],
    [4734, 'deleted'],
    [4758, 'deleted'],
    [4735, 'changed'],
    [4737, 'changed'],
    [4755, 'changed'],
    [4741, 'created'],
    [4742, 'changed'],
    [4743, 'deleted'],
    [5136, 'modified'],
    [5137, 'created'],
    [5138, 'restored'],
    [5139, 'moved'],
    [5141, 'deleted'],
  ])('WHEN %d is read THEN it means %s', (id, action) => {
    expect(events(form({ id }))).toMatchObject([{ eventId: id, action, actor: admin }]);
  });

  test('WHEN a member is added whose name is not told THEN its SID is', () => {
    const data = { MemberName: '-', MemberSid: userSid, TargetUserName: 'Staff', TargetDomainName: 'CORP', TargetSid: groupSid };
    expect(events(form({ id: 4728, data }))).toEqual([
      {
        eventId: 4728,
        action: 'member-added',
        occurredAt: '2025-03-01T10:00:00.123Z',
        recordId: '410204',
        computer: 'dc1.corp.example.com',
        targetSid: groupSid,
        memberSid: userSid,
        actor: admin,
      },
    ]);
  });

  test('WHEN somebody is locked out THEN the domain controller did it, and the computer that called is no domain', () => {
    const data = {
      TargetUserName: 'ada',
      TargetDomainName: 'WIN81',
      TargetSid: userSid,
      SubjectUserSid: 'S-1-5-18',
      SubjectUserName: 'DC1$',
      SubjectDomainName: 'CORP',
    };
    expect(events(form({ id: 4740, data }))).toMatchObject([{ targetSid: userSid, actor: { sid: 'S-1-5-18', name: 'CORP\\DC1$' } }]);
  });

  test('WHEN an object is moved THEN its GUID is canonical and no SID is told', () => {
    const data = { OldObjectDN: 'CN=Ada,CN=Users', NewObjectDN: 'CN=Ada,OU=Staff', ObjectGUID: `{${objectGuid.toUpperCase()}}` };
    const [event] = events(form({ id: 5139, data }));
    expect(event).toMatchObject({ action: 'moved', objectGuid });
    expect(event).not.toHaveProperty('targetSid');
  });

  test.each([
    ['names that are absent', { SubjectUserName: undefined, SubjectDomainName: undefined }],
    ['a name of "-"', { SubjectUserName: '-' }],
    ['a domain of "-"', { SubjectDomainName: '-' }],
    ['a name that Windows did not set', { SubjectUserName: '%%1793' }],
    ['an empty name', { SubjectUserName: '' }],
    ['a name with a line break in it', { SubjectUserName: 'ada\nlovelace' }],
    ['a name that would look like another domain', { SubjectUserName: 'CORP\\root' }],
  ])('GIVEN %s THEN the actor is called by the SID', (__, data) => {
    expect(events(form({ id: 4722, data }))).toMatchObject([{ actor: { sid: admin.sid, name: admin.sid } }]);
  });

  test.each([[undefined], ['S-1-0-0'], ['-'], [''], ['ops.admin'], ['S-1-5-21-1 OR 1']])(
    'GIVEN the subject %j THEN the event has no actor, and is an event all the same',
    (SubjectUserSid) => {
      const [event] = events(form({ id: 4722, data: { SubjectUserSid, TargetSid: userSid } }));
      expect(event).toMatchObject({ eventId: 4722, targetSid: userSid });
      expect(event).not.toHaveProperty('actor');
    },
  );

  test('GIVEN targets that are none THEN the event has no subject', () => {
    const data = { TargetSid: 'S-1-0-0', MemberSid: '-', ObjectGUID: '{00000000-0000-0000-0000-000000000000}' };
    const [event] = events(form({ id: 4728, data }));
    expect(Object.keys(event ?? {})).not.toEqual(expect.arrayContaining([expect.stringMatching(/Sid|Guid/)]));
  });

  test.each([
    ['2025-03-01T10:00:00.1234567Z', '2025-03-01T10:00:00.123Z'],
    ['2025-03-01T10:00:00.123456789Z', '2025-03-01T10:00:00.123Z'],
    ['2025-03-01T10:00:00.9999999Z', '2025-03-01T10:00:00.999Z'],
    ['2025-03-01T10:00:00.1Z', '2025-03-01T10:00:00.100Z'],
    ['2025-03-01T10:00:00Z', '2025-03-01T10:00:00.000Z'],
  ])('WHEN the time is %s THEN it is %s', (time, occurredAt) => {
    expect(events(form({ id: 4722, time }))).toMatchObject([{ occurredAt }]);
  });

  test('WHEN values hold what XML escapes THEN it is text and nothing more', () => {
    const forged = oneLine({ id: 4726, data: { SubjectUserName: 'somebody.else' } });
    expect(events(form({ id: 4720, data: { DisplayName: forged, SubjectUserName: 'a&b<c>' } }))).toMatchObject([
      { eventId: 4720, actor: { name: 'CORP\\a&b<c>' } },
    ]);
    const numeric = form({ id: 4722 }).replace('ops.admin', '&#111;ps&#x2e;admin');
    expect(events(numeric)).toMatchObject([{ actor: admin }]);
  });
});

describe('GIVEN events that are none of ours', () => {
  test.each([
    ['another event id', { id: 4624 }, 'other-event-id'],
    ["another provider's event with an id of ours", { id: 4720, provider: 'Example-Application' }, 'other-event-id'],
    ['a day that does not exist', { id: 4720, time: '2025-02-31T10:00:00Z' }, 'malformed'],
    ['no time', { id: 4720, time: '' }, 'malformed'],
    ['no record id', { id: 4720, recordId: '' }, 'malformed'],
    ['a computer that would break a key', { id: 4720, computer: 'dc1#1' }, 'malformed'],
    ['no computer', { id: 4720, computer: '' }, 'malformed'],
    ['an event id that is no number', { id: 'NaN' as unknown as number }, 'malformed'],
  ] satisfies readonly (readonly [string, WindowsEvent, keyof Dropped])[])('fails to read %s', (_, event, kind) => {
    expect(readSecurityEvents(oneLine(event))).toEqual({ events: [], dropped: dropped({ [kind]: 1 }) });
  });

  test('WHEN the audit log was cleared (its data is in UserData) THEN nothing is read from there', () => {
    const userData = oneLine({ id: 4720 }).replace(
      /<EventData>.*<\/EventData>/,
      (data) => `<UserData><LogFileCleared>${data}</LogFileCleared></UserData>`,
    );
    expect(events(userData)[0]).not.toHaveProperty('actor');
  });
});

describe('properties', () => {
  const event = fc.record({
    id: fc.constantFrom(4720, 4722, 4728, 5136, 4624),
    recordId: fc.nat(),
    data: fc.record({
      TargetSid: fc.constantFrom(userSid, groupSid),
      SubjectUserSid: fc.nat(9999).map((rid) => `${admin.sid}${rid}`),
      SubjectUserName: fc.stringMatching(/^[a-z <&>;]{1,12}$/),
      DisplayName: fc.string({ unit: 'grapheme-ascii' }),
    }),
  });
  const message = fc
    .array(fc.tuple(event, fc.constantFrom(oneLine, manyLines), fc.constantFrom('', ' ', '\r\n', '- ')), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.map(([one, form, between]) => form(one) + between).join(''));

  test('WHEN any text is read THEN nothing is thrown and no event lacks its id, time or place', () => {
    const pieces = fc.constantFrom(
      '<Event>',
      '</Event>',
      '<Event ',
      '<!',
      '<?x',
      '?>',
      '&',
      "'",
      '<EventData>',
      '<System>',
      oneLine({ id: 4720 }),
      oneLine({ id: 4728 }).slice(0, 300),
    );
    const text = fc.array(fc.oneof(pieces, fc.string({ unit: 'binary' }), fc.string()), { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (any) => {
        const read = readSecurityEvents(any);
        for (const one of read.events) {
          expect(eventIdsOfInterest).toContain(one.eventId);
          expect(one.occurredAt).toBe(new Date(one.occurredAt).toISOString());
          expect(one.recordId).toMatch(/^\d+$/);
          expect(one.computer).not.toBe('');
        }
        const { 'not-an-event': none, ...counts } = read.dropped;
        const total = read.events.length + Object.values(counts).reduce((sum, count) => sum + count, 0);
        expect(none).toBe(total === 0 ? 1 : 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('WHEN a message is split anywhere THEN its parts tell no other actor than the whole', () => {
    fc.assert(
      fc.property(message, fc.nat(), (whole, where) => {
        const at = where % (whole.length + 1);
        const told = readSecurityEvents(whole).events;
        for (const part of [whole.slice(0, at), whole.slice(at)]) {
          for (const one of readSecurityEvents(part).events) expect(told).toContainEqual(one);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('WHEN an event is cut off and others follow THEN the others are read as without it', () => {
    fc.assert(
      fc.property(event, message, fc.double({ min: 0, max: 1, noNaN: true }), (cut, others, share) => {
        const text = oneLine(cut);
        // At least the opening is there, and the end is not.
        const head = text.slice(0, 7 + Math.floor(share * (text.length - 8)));
        const alone = readSecurityEvents(others);
        const read = readSecurityEvents(head + others);
        expect(read.events).toEqual(alone.events);
        expect(read.dropped).toEqual({ ...alone.dropped, 'cut-off': 1 });
      }),
      { numRuns: 500 },
    );
  });
});

test('WHEN the name of a computer is as long as one may be, in characters of four bytes, THEN the key of its event fits DynamoDB', () => {
  const longest = (length: number) =>
    oneLine({ id: 4720, recordId: '9'.repeat(20), computer: '\u{20000}'.repeat(length), data: { TargetSid: userSid } });
  const [event] = events(longest(200));
  expect(Buffer.byteLength(`${event?.occurredAt}#${event?.computer}#${event?.recordId}`)).toBeLessThanOrEqual(1_024);
  expect(event?.computer).toHaveLength(400);
  expect(readSecurityEvents(longest(255)).events.filter(({ computer }) => Buffer.byteLength(computer) > 900)).toEqual([]);
});
