/** A change at the domain controller whose event reaches the Security log: the event alone brings the change, with the name of who did it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { auditCommand } from '../../handlers/audit/audit-command/audit-command.ts';
import { sidText } from '../../handlers/platform/object-identity.ts';
import { auditTrail } from '../../sandbox/audit-trail.ts';
import { changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';
import { functionSetting, isDetectChanges } from '../../sandbox/function-setting.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { until } from '../../sandbox/waiting.ts';
import { manyLines, oneLine, type WindowsEvent } from '../directory/security-log/windows-events.ts';
import { synthesizedExamples } from '../examples/synthesized.ts';

const silent = { step: <T>(_: string, work: () => Promise<T>) => work(), note: () => {}, mute: () => {} };
/** Events further apart than this wake anew (wakeDebounceMs). */
const apartMs = 2_100;

interface OnTheBus {
  readonly type: string;
  readonly detail: { readonly subject: { readonly name: string }; readonly actor?: { readonly sid: string; readonly name: string } };
  /** Epoch ms. */
  readonly at: number;
}

let sandbox: Sandbox;
let logGroup: string;
let administrator: { readonly sid: string; readonly name: string };
let groupDn: string;
let groupSid: string;
let records = 0;
const bus: OnTheBus[] = [];

beforeAll(async () => {
  const stackDirectory = join(await synthesizedExamples(), 'stacks', 'prod');
  sandbox = await startSandbox({ environment: 'prod', stackDirectory, pollSeconds: 3600, progress: silent });
  const { stack, endpoint, runtime, population, controller } = sandbox;
  runtime.pauseSchedules();
  await runtime.idle();
  [{ logGroup }] = JSON.parse(functionSetting(stack, 'SECURITY_LOGS')) as [{ logGroup: string }];
  await endpoint.call('operator', 'logs', 'CreateLogStream', { logGroupName: logGroup, logStreamName: controller.host });
  administrator = { sid: await sidOf(controller.administratorDn), name: 'CORP\\Administrator' };
  groupDn = await createGroup(population.admin, population.groupsDn, 'Night-Shift');
  groupSid = await sidOf(groupDn);
  endpoint.inject({
    match: ({ operation, input }) => {
      if (operation === 'PutEvents') {
        const { Entries } = input as { Entries: { DetailType: string; Detail: string }[] };
        bus.push(...Entries.map(({ DetailType, Detail }) => ({ type: DetailType, detail: JSON.parse(Detail), at: Date.now() })));
      }
      return false;
    },
    effect: { throttle: true },
  });
}, 120_000);

afterAll(async () => {
  await sandbox?.stop();
});

async function sidOf(dn: string): Promise<string> {
  const { searchEntries } = await sandbox.population.admin.search(dn, {
    scope: 'base',
    attributes: ['objectSid'],
    explicitBufferAttributes: ['objectSid'],
  });
  return sidText(searchEntries[0]?.objectSid as Buffer);
}

/** An event of this domain controller now, done by its administrator. */
function event(id: number, data: Readonly<Record<string, string | undefined>>): WindowsEvent {
  records += 1;
  const subject = { SubjectUserSid: administrator.sid, SubjectUserName: 'Administrator', SubjectDomainName: 'CORP' };
  const time = new Date().toISOString().replace('Z', '0000Z');
  return { id, time, recordId: records, computer: sandbox.controller.host, data: { ...subject, ...data } };
}

/** Puts lines into the log group, as the CloudWatch agent does. */
async function log(...messages: readonly string[]): Promise<void> {
  const logEvents = messages.map((message) => ({ timestamp: Date.now(), message }));
  await sandbox.endpoint.call('operator', 'logs', 'PutLogEvents', {
    logGroupName: logGroup,
    logStreamName: sandbox.controller.host,
    logEvents,
  });
}

/** Invocations of detect-changes that ended. */
const polls = () => sandbox.runtime.invocations.filter(({ functionName }) => isDetectChanges(sandbox.stack, functionName)).length;
const apart = () => new Promise((resolve) => setTimeout(resolve, apartMs));

/** The event on the bus, and the milliseconds that it took from now. */
async function toldOf(type: string, name: string): Promise<{ readonly told: OnTheBus; readonly ms: number }> {
  const start = Date.now();
  const told = await until(
    `${type} of ${name}`,
    async () => bus.find((one) => one.type === type && one.detail.subject.name === name),
    20_000,
    2,
  );
  return { told, ms: told.at - start };
}

/** What read-security-log said of its records since. */
async function readings(
  sinceMs: number,
): Promise<{ readonly records: number; readonly events: number; readonly dropped: Record<string, number>; readonly woken: string }[]> {
  const [name] = [...sandbox.stack.functions].find(([, { environment }]) => environment.SECURITY_LOGS) ?? [];
  const logGroupName = `/aws/lambda/${name}`;
  const { events } = await sandbox.endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName, startTime: sinceMs });
  const lines = (events as { message: string }[]).flatMap(({ message }) =>
    message.includes('SECURITY_LOG_READ') ? [JSON.parse(message)] : [],
  );
  return lines;
}

describe('GIVEN an environment that reads the Security log of its domain controllers, and no schedule', () => {
  test('WHEN an administrator changes the directory THEN the event wakes detect-changes by itself, and all say who did it', async () => {
    const before = polls();
    const dn = await createUser(sandbox.population.admin, sandbox.population.usersDn, 'Ada Example', { sAMAccountName: 'ada' });
    await log(oneLine(event(4720, { TargetUserName: 'ada', TargetDomainName: 'CORP', TargetSid: await sidOf(dn) })));
    const { told } = await toldOf('UserCreated', 'Ada Example');
    expect(told.detail.actor).toEqual(administrator);
    await sandbox.runtime.idle();
    expect(polls()).toBe(before + 1);

    await apart();
    await changeAttribute(sandbox.population.admin, groupDn, 'add', 'member', [dn]);
    // The name of the member is often missing: its SID tells who it is.
    await log(manyLines(event(4728, { MemberName: '-', MemberSid: await sidOf(dn), TargetSid: groupSid })));
    expect((await toldOf('GroupMemberAdded', 'Night-Shift')).told.detail.actor).toEqual(administrator);
    await sandbox.runtime.idle();
    expect(polls()).toBe(before + 2);
    const trail = await auditTrail(sandbox);
    for (const type of ['UserCreated', 'GroupMemberAdded'])
      expect(trail.findLast((record) => record.type === type)?.actor).toBe(`${administrator.name} (${administrator.sid})`);
  });

  test.each(['log', 'bucket'])('WHEN the %s of the audit trail is asked what changed THEN it says who did it', async (source) => {
    const { endpoint } = sandbox;
    vi.stubEnv('AWS_ENDPOINT_URL', endpoint.url);
    vi.stubEnv('AWS_REGION', endpoint.region);
    vi.stubEnv('AWS_ACCESS_KEY_ID', endpoint.operator.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', endpoint.operator.secretAccessKey);
    const printed: string[] = [];
    const surroundings = { out: (text: string) => printed.push(text), error: (text: string) => printed.push(text) };
    const asked = ['changes', '--user', 'ada', '--type', 'UserCreated,GroupMemberAdded', '--environment', 'prod', '--json'];
    if (source === 'bucket') asked.push('--evidence');
    const exitCode = await auditCommand(asked, { ...surroundings, elapsed: () => 0, now: () => new Date() });
    vi.unstubAllEnvs();
    const by = `${administrator.name} (${administrator.sid})`;
    expect(exitCode, printed.join('')).toBe(0);
    const { changes } = JSON.parse(printed.join('')) as { readonly changes: readonly { readonly what: string; readonly by: string }[] };
    for (const what of ['UserCreated ada', 'GroupMemberAdded Night-Shift: Ada Example'])
      expect(changes.find((one) => one.what === what)?.by, what).toBe(by);
  });

  test('WHEN changes come one after the other THEN an event is on the bus within a second (median), and within a burst after the debounce', async () => {
    const { population } = sandbox;
    const latencies: number[] = [];
    for (const name of ['One', 'Two', 'Three', 'Four', 'Five']) {
      await apart();
      const dn = await createUser(population.admin, population.usersDn, name);
      const message = oneLine(event(4720, { TargetUserName: name, TargetSid: await sidOf(dn) }));
      const told = toldOf('UserCreated', name);
      await log(message);
      latencies.push((await told).ms);
    }
    // GIVEN a wake just now
    const dn = await createUser(population.admin, population.usersDn, 'Six');
    const message = oneLine(event(4720, { TargetUserName: 'Six', TargetSid: await sidOf(dn) }));
    const told = toldOf('UserCreated', 'Six');
    await log(message);
    const { ms } = await told;
    console.log(`Security log to bus: ${latencies.join(', ')} ms; in a burst ${ms} ms`);
    const [median = Number.NaN] = latencies.sort((one, other) => one - other).slice(2);
    expect(median).toBeLessThan(1_000);
    expect(ms).toBeLessThan(apartMs + 1_000);
  });

  test('WHEN text that is no event of ours comes THEN nothing is woken, and what was delivered is counted', async () => {
    await apart();
    await sandbox.runtime.idle();
    const [before, start] = [polls(), Date.now()];
    const dn = await createUser(sandbox.population.admin, sandbox.population.usersDn, 'Quiet', { sAMAccountName: 'quiet' });
    const TargetSid = await sidOf(dn);
    const logOn = oneLine(event(4624, { TargetSid }));
    const created = oneLine(event(4720, { TargetSid }));
    await log(
      // The subscription's pattern leaves these where they are.
      'The quick brown fox',
      logOn,
      // These look like what it lets through.
      `backup job wrote 17 files ">4720<"`,
      created.replace("Name='Microsoft-Windows-Security-Auditing'", "Name='Example-Backup'"),
      created.slice(0, -40),
      `<!DOCTYPE Event [<!ENTITY a "aaaaaaaaaa">]>${created}`,
      created.replace(TargetSid, `${'x'.repeat(70_000)}`),
      created.replace('<Version>0</Version>', `${'<a>'.repeat(40)}${'</a>'.repeat(40)}`),
      created.replace('<EventRecordID>', '<EventRecordID>no'),
    );
    const read = await until('the reading', async () => {
      const lines = await readings(start);
      return lines.length > 0 ? lines : undefined;
    });
    await sandbox.runtime.idle();
    expect(polls()).toBe(before);
    expect(bus.some(({ detail }) => detail.subject.name === 'Quiet')).toBe(false);
    expect(read).toHaveLength(1);
    expect(read[0]).toMatchObject({ records: 7, events: 0, woken: 'no' });
    for (const kind of ['not-an-event', 'other-event-id', 'cut-off', 'hostile', 'too-large', 'malformed'])
      expect(read[0]?.dropped[kind]).toBeGreaterThan(0);
  });

  test('WHEN an event tells of another account than the one that changed THEN the change comes without a name', async () => {
    await apart();
    await createUser(sandbox.population.admin, sandbox.population.usersDn, 'Nameless');
    await log(oneLine(event(4720, { TargetUserName: 'ada', TargetSid: `${administrator.sid}9` })));
    expect((await toldOf('UserCreated', 'Nameless')).told.detail.actor).toBeUndefined();
  });
});
