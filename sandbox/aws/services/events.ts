import { randomUUID } from 'node:crypto';
import { AwsError } from '../error.ts';
import { type CompiledPattern, compilePattern, InvalidEventError, InvalidEventPatternError, matchesPattern } from '../event-pattern.ts';
import { isRecord, limit, optionalNumber, optionalText, optionalTime, page, records, text, texts } from '../input.ts';
import { checkPolicyText, resourcePolicy } from '../resource-policy.ts';
import type { Authorization, Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { checkTarget, deliver } from './event-delivery.ts';

// Amazon EventBridge: buses, rules, targets, archives. Limits: EventBridge API Reference, PutEvents.

interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly text: string;
  readonly pattern: CompiledPattern;
  readonly enabled: boolean;
  readonly description?: string;
  readonly targets: Map<string, Input>;
}

interface Bus {
  readonly name: string;
  readonly arn: string;
  readonly description?: string;
  policy?: string;
  readonly rules: Map<string, Rule>;
}

interface Archive {
  readonly name: string;
  readonly input: Input;
  readonly busArn: string;
  readonly pattern?: CompiledPattern;
  readonly createdAt: Date;
  readonly events: string[];
}

const maximumEntries = 10;
const maximumBytes = 1_048_576;
const eventPattern = 'EventPattern';

function compiled(patternText: string): CompiledPattern {
  try {
    return compilePattern(patternText);
  } catch (error) {
    if (error instanceof InvalidEventPatternError)
      throw new AwsError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${error.message}`);
    throw error;
  }
}

/** What an entry counts ("Calculating PutEvents event entry size"). */
const entrySize = (entry: Input): number =>
  (entry.Time === undefined ? 0 : 14) +
  [entry.Source, entry.DetailType, entry.Detail, ...(Array.isArray(entry.Resources) ? entry.Resources : [])].reduce<number>(
    (size, part) => size + Buffer.byteLength(typeof part === 'string' ? part : ''),
    0,
  );

function entryFault(entry: Input): { ErrorCode: string; ErrorMessage: string } | undefined {
  for (const name of ['Source', 'DetailType', 'Detail'])
    if (typeof entry[name] !== 'string' || entry[name] === '')
      return { ErrorCode: 'InvalidArgument', ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.` };
  if (String(entry.Source).startsWith('aws.'))
    return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' };
  try {
    if (isRecord(JSON.parse(String(entry.Detail)))) return undefined;
  } catch {
    // reported below
  }
  return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
}

export interface EventBridge extends Service {
  /** What the archives hold, in the order it was taken: each event as its targets get it. */
  readonly archived: () => readonly string[];
}

export function events(surroundings: Surroundings): EventBridge {
  const { region, account, call, url } = surroundings;
  const arn = (resource: string): string => `arn:aws:events:${region}:${account}:${resource}`;
  const newBus = (name: string, description?: string): Bus => ({
    name,
    arn: arn(`event-bus/${name}`),
    rules: new Map(),
    ...(description ? { description } : {}),
  });
  const buses = new Map([['default', newBus('default')]]);
  const archives = new Map<string, Archive>();
  const deliveries = new Set<Promise<void>>();
  let closed = false;

  const busName = (value: unknown): string => (typeof value === 'string' && value !== '' ? (value.split('/').at(-1) ?? '') : 'default');
  const missing = (what: string): AwsError => new AwsError('ResourceNotFoundException', `${what} does not exist.`);
  const busNamed = (value: unknown): Bus => {
    const bus = buses.get(busName(value));
    if (!bus) throw missing(`Event bus ${busName(value)}`);
    return bus;
  };
  const ruleNamed = (input: Input, member: string): Rule => {
    const rule = busNamed(input.EventBusName).rules.get(text(input, member));
    if (!rule) throw missing(`Rule ${text(input, member)}`);
    return rule;
  };
  const ruleArn = (bus: string, name: string): string => arn(bus === 'default' ? `rule/${name}` : `rule/${bus}/${name}`);

  function publish(bus: Bus, entry: Input): string {
    const id = randomUUID();
    const time = new Date(optionalTime(entry, 'Time') ?? Date.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const envelope = {
      version: '0',
      id,
      'detail-type': text(entry, 'DetailType'),
      source: text(entry, 'Source'),
      account,
      time,
      region,
      resources: texts(entry, 'Resources'),
    };
    // The detail goes through as it was written: parsing and printing it again could change its numbers
    const event = `${JSON.stringify(envelope).slice(0, -1)},"detail":${text(entry, 'Detail')}}`;
    for (const archive of archives.values())
      if (archive.busArn === bus.arn && (!archive.pattern || matchesPattern(archive.pattern, event))) archive.events.push(event);
    for (const rule of bus.rules.values()) {
      if (!rule.enabled || !matchesPattern(rule.pattern, event)) continue;
      for (const target of rule.targets.values()) send(rule, target, event);
    }
    return id;
  }

  function send(rule: Rule, target: Input, event: string): void {
    const delivery = deliver({ ruleArn: rule.arn, target, event }, call, url).catch((error: unknown) => {
      if (!closed && !(error instanceof AwsError)) throw error; // an AwsError is in the call log
    });
    deliveries.add(delivery);
    void delivery.finally(() => deliveries.delete(delivery));
  }

  function putEvents(input: Input): Output {
    const entries = records(input, 'Entries');
    if (entries.length === 0 || entries.length > maximumEntries)
      throw new AwsError('ValidationException', `${entries.length} entries: PutEvents takes from 1 to ${maximumEntries}`);
    const size = entries.reduce((sum, entry) => sum + entrySize(entry), 0);
    if (size > maximumBytes)
      throw new AwsError(
        'ValidationException',
        `Total size of the entries in the request is over the limit: ${size} bytes of ${maximumBytes}.`,
      );
    const results = entries.map((entry) => {
      const fault = entryFault(entry);
      if (fault) return fault;
      const bus = buses.get(busName(entry.EventBusName));
      // An event to a bus that is not there is taken and lost, as at AWS
      return { EventId: bus ? publish(bus, entry) : randomUUID() };
    });
    return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
  }

  function putRule(input: Input): Output {
    const bus = busNamed(input.EventBusName);
    const name = text(input, 'Name');
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name))
      throw new AwsError('ValidationException', `Name '${name}': 1 to 64 letters, digits, '.', '-' or '_'`);
    if (optionalText(input, 'ScheduleExpression'))
      throw new AwsError(
        'NotImplemented',
        `rule ${name}: the sandbox has no scheduled rules; use a schedule of EventBridge Scheduler`,
        501,
      );
    const patternText = text(input, eventPattern);
    const description = optionalText(input, 'Description');
    bus.rules.set(name, {
      name,
      arn: ruleArn(bus.name, name),
      text: patternText,
      pattern: compiled(patternText),
      enabled: (optionalText(input, 'State') ?? 'ENABLED') !== 'DISABLED',
      ...(description ? { description } : {}),
      targets: bus.rules.get(name)?.targets ?? new Map(),
    });
    return { RuleArn: ruleArn(bus.name, name) };
  }

  function putTargets(input: Input): Output {
    const rule = ruleNamed(input, 'Rule');
    const targets = records(input, 'Targets');
    if (targets.length === 0 || targets.length > 5)
      throw new AwsError('ValidationException', `${targets.length} targets: a rule takes from 1 to 5`);
    for (const target of targets) checkTarget(target);
    for (const target of targets) rule.targets.set(text(target, 'Id'), target);
    return { FailedEntryCount: 0, FailedEntries: [] };
  }

  function createArchive(input: Input): Output {
    const name = text(input, 'ArchiveName');
    const bus = [...buses.values()].find((one) => one.arn === text(input, 'EventSourceArn'));
    if (!bus) throw missing(`Event bus ${text(input, 'EventSourceArn')}`);
    if (archives.has(name)) throw new AwsError('ResourceAlreadyExistsException', `Archive ${name} already exists.`);
    const pattern = optionalText(input, eventPattern);
    const archive: Archive = {
      name,
      input,
      busArn: bus.arn,
      createdAt: new Date(),
      events: [],
      ...(pattern ? { pattern: compiled(pattern) } : {}),
    };
    archives.set(name, archive);
    return { ArchiveArn: arn(`archive/${name}`), State: 'ENABLED', CreationTime: archive.createdAt };
  }

  const archiveShown = (archive: Archive): Output => ({
    ArchiveName: archive.name,
    EventSourceArn: archive.busArn,
    State: 'ENABLED',
    RetentionDays: optionalNumber(archive.input, 'RetentionDays') ?? 0,
    SizeBytes: archive.events.reduce((size, event) => size + Buffer.byteLength(event), 0),
    EventCount: archive.events.length,
    CreationTime: archive.createdAt,
  });
  const ruleShown = (bus: Bus, rule: Rule): Output => ({
    Name: rule.name,
    Arn: rule.arn,
    EventPattern: rule.text,
    State: rule.enabled ? 'ENABLED' : 'DISABLED',
    ...(rule.description ? { Description: rule.description } : {}),
    EventBusName: bus.name,
  });
  const busShown = (bus: Bus): Output => ({
    Name: bus.name,
    Arn: bus.arn,
    ...(bus.description ? { Description: bus.description } : {}),
    ...(bus.policy ? { Policy: bus.policy } : {}),
  });

  const paged = (input: Input, member: string, all: readonly Output[]): Output => {
    const { items, nextToken } = page(all, optionalText(input, 'NextToken'), limit(input, 'Limit', 1, 100, 100));
    return { [member]: items, ...(nextToken ? { NextToken: nextToken } : {}) };
  };

  const onBus = (action: string, value: unknown, context: Authorization['context'] = {}): Authorization => {
    const name = busName(value);
    return {
      action: `events:${action}`,
      resource: arn(`event-bus/${name}`),
      context,
      ...resourcePolicy(`event bus ${name}`, buses.get(name)?.policy),
    };
  };
  const forBus = (action: string, member: string, run: Operation['run']): Operation => ({
    authorize: (input) => [onBus(action, input[member])],
    run,
  });
  const forRule = (action: string, member: string, run: Operation['run']): Operation => ({
    authorize: (input) => [{ action: `events:${action}`, resource: ruleArn(busName(input.EventBusName), text(input, member)) }],
    run,
  });
  const everywhere = (action: string, run: Operation['run']): Operation => ({
    authorize: () => [{ action: `events:${action}`, resource: '*' }],
    run,
  });
  const forArchive = (action: string, run: Operation['run']): Operation => ({
    authorize: (input) => [{ action: `events:${action}`, resource: arn(`archive/${text(input, 'ArchiveName')}`) }],
    run,
  });

  /** Each entry is a request of its own to IAM, with its source and detail type as condition keys. */
  const authorizeEntries = (input: Input): readonly Authorization[] =>
    records(input, 'Entries').map((entry) =>
      onBus('PutEvents', entry.EventBusName, {
        ...(typeof entry.Source === 'string' ? { 'events:source': entry.Source } : {}),
        ...(typeof entry.DetailType === 'string' ? { 'events:detail-type': entry.DetailType } : {}),
      }),
    );

  return {
    name: 'events',
    archived: () => [...archives.values()].flatMap((archive) => archive.events),
    operations: {
      PutEvents: { authorize: authorizeEntries, run: putEvents },
      CreateEventBus: forBus('CreateEventBus', 'Name', (input) => {
        const name = text(input, 'Name');
        if (buses.has(name)) throw new AwsError('ResourceAlreadyExistsException', `Event bus ${name} already exists.`);
        const bus = newBus(name, optionalText(input, 'Description'));
        buses.set(name, bus);
        return { EventBusArn: bus.arn };
      }),
      PutPermission: forBus('PutPermission', 'EventBusName', (input) => {
        busNamed(input.EventBusName).policy = checkPolicyText(text(input, 'Policy'), 'ValidationException');
        return {};
      }),
      DescribeEventBus: forBus('DescribeEventBus', 'Name', (input) => busShown(busNamed(input.Name))),
      ListEventBuses: everywhere('ListEventBuses', (input) => paged(input, 'EventBuses', [...buses.values()].map(busShown))),
      PutRule: forRule('PutRule', 'Name', putRule),
      DescribeRule: forRule('DescribeRule', 'Name', (input) => ruleShown(busNamed(input.EventBusName), ruleNamed(input, 'Name'))),
      ListRules: everywhere('ListRules', (input) => {
        const bus = busNamed(input.EventBusName);
        const prefix = optionalText(input, 'NamePrefix') ?? '';
        return paged(
          input,
          'Rules',
          [...bus.rules.values()].filter((rule) => rule.name.startsWith(prefix)).map((rule) => ruleShown(bus, rule)),
        );
      }),
      PutTargets: forRule('PutTargets', 'Rule', putTargets),
      ListTargetsByRule: forRule('ListTargetsByRule', 'Rule', (input) =>
        paged(input, 'Targets', [...ruleNamed(input, 'Rule').targets.values()]),
      ),
      CreateArchive: forArchive('CreateArchive', createArchive),
      DescribeArchive: forArchive('DescribeArchive', (input) => {
        const archive = archives.get(text(input, 'ArchiveName'));
        if (!archive) throw missing(`Archive ${text(input, 'ArchiveName')}`);
        return { ArchiveArn: arn(`archive/${archive.name}`), EventPattern: archive.input[eventPattern], ...archiveShown(archive) };
      }),
      ListArchives: everywhere('ListArchives', (input) => paged(input, 'Archives', [...archives.values()].map(archiveShown))),
      TestEventPattern: everywhere('TestEventPattern', (input) => {
        try {
          return { Result: matchesPattern(compiled(text(input, eventPattern)), text(input, 'Event')) };
        } catch (error) {
          if (error instanceof InvalidEventError)
            throw new AwsError('ValidationException', `Parameter Event is not valid. Reason: ${error.message}`);
          throw error;
        }
      }),
    },
    async close() {
      closed = true;
      await Promise.allSettled(deliveries);
    },
  };
}
