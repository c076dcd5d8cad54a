/** Every alarm of the stack: that it is there for each function, queue and stream, that it can ring, and what it tells to whom. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ActiveDirectoryIntegration, Alarm, FlowAlarm, IntegrationEnvironment, runbooks, WrongPropError } from '../../modules/index.ts';
import { alarmDescription } from '../../modules/platform/alarm.ts';
import { metricOf, notEmitted } from './emitted-metrics.ts';
import {
  credentialEndpoints,
  existing,
  identityCenter,
  leastProps,
  mappedTo,
  refusal,
  scim,
  synthesize,
  wikiCredential,
} from './integration.ts';
import { type Arguments, Template } from './template.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const onCall = 'arn:aws:sns:eu-central-1:111122223333:on-call';
const template = synthesize({
  alarmActions: [onCall],
  directories: [{ existing, securityLog: { logGroupName: '/corp/security' } }],
  targets: [{ identityCenter }, { name: 'wiki', scim }],
  roleMappings: mappedTo('identity-center', 'wiki'),
  credentials: [{ rotate: [wikiCredential], endpoints: credentialEndpoints }],
});
const alarms = template.all('aws_cloudwatch_metric_alarm');
const [flow] = template.all('aws_cloudwatch_composite_alarm');
const of = (metric: string, dimension: string, value: string) =>
  alarms.filter(({ metric_name, dimensions }) => metric_name === metric && dimensions[dimension] === value);

describe('what is watched', () => {
  const functions = template.all('aws_lambda_function').map((lambda): string => lambda.function_name);
  const queues = template.all('aws_sqs_queue').map((queue): string => queue.name);
  const isDeadLetters = (queue: string) => /-dead-letters(?:\.fifo)?$/.test(queue);

  test.each(functions)('GIVEN %s THEN its errors and its throttles ring, once each', (name) => {
    expect(of('Errors', 'FunctionName', name)).toHaveLength(1);
    expect(of('Throttles', 'FunctionName', name)).toHaveLength(1);
  });

  test.each(queues.filter((queue) => !isDeadLetters(queue)))(
    'GIVEN the queue %s THEN a message that waits rings, but not one that fails alone',
    (name) => {
      const [alarm, ...others] = of('ApproximateAgeOfOldestMessage', 'QueueName', name);
      expect(others).toEqual([]);
      const queue = template.one('aws_sqs_queue', { name });
      expect(alarm?.threshold).toBeGreaterThanOrEqual(3 * queue.visibility_timeout_seconds);
      // Of a FIFO queue a message that keeps failing is tried for half an hour.
      if (name.endsWith('.fifo')) expect(alarm?.threshold).toBeGreaterThan(1800);
    },
  );

  test.each(queues.filter(isDeadLetters))('GIVEN the dead-letter queue %s THEN one message in it rings', (name) => {
    expect(of('ApproximateNumberOfMessagesVisible', 'QueueName', name)).toMatchObject([{ threshold: 1, statistic: 'Maximum' }]);
  });

  test('GIVEN a reader of a stream THEN the age of its records rings', () => {
    const readers = template
      .all('aws_lambda_event_source_mapping')
      .filter(({ starting_position: position }) => position !== undefined)
      .map(({ function_name: arn }) => functions.find((name) => template.lambdaArn(name) === arn) ?? arn);
    expect(readers).toEqual(['ad-lambda-test-publish-changes']);
    for (const reader of readers) expect(of('IteratorAge', 'FunctionName', reader)).toHaveLength(1);
  });

  test('GIVEN detect-changes, which runs once at a time THEN waiting for its turn is no alarm for a quarter of an hour', () => {
    const minutes = (name: string) => of('Throttles', 'FunctionName', name)[0]?.datapoints_to_alarm;
    expect(minutes('ad-lambda-test-detect-changes-corp')).toBe(15);
    expect(minutes('ad-lambda-test-decide-access')).toBe(5);
  });

  test.each(['identity-center', 'wiki'])(
    'GIVEN the target %s WHEN changes reach it late THEN it rings, by the fastest of them',
    (target) => {
      const alarm = template.one('aws_cloudwatch_metric_alarm', { alarm_name: `ad-lambda-test-target-${target}-late` });
      expect(alarm).toMatchObject({ metric_name: 'RoleLagSeconds', statistic: 'Minimum', threshold: 900, evaluation_periods: 3 });
    },
  );

  test('GIVEN each alarm THEN its metric is one that a service or a metric filter of the stack emits', () => {
    expect(notEmitted(template, alarms.map(metricOf))).toEqual([]);
  });

  test('GIVEN the codes that metric filters count THEN the functions log each of them', () => {
    const sources = readdirSync(`${root}/handlers`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(`${root}/handlers/${file}`, 'utf8'))
      .join('\n');
    const codes = template
      .all('aws_cloudwatch_log_metric_filter')
      .flatMap(({ pattern }) => [...String(pattern).matchAll(/\$\.message = "([A-Z_]+)"/g)].map(([, code]) => code));
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });
});

describe('what an alarm tells', () => {
  const all = [...alarms, ...template.all('aws_cloudwatch_composite_alarm')];

  test.each(all.map((alarm) => [alarm.alarm_name, alarm] as const))(
    '%s says what it means, names a runbook and reaches on-call',
    (_, alarm) => {
      const { meaning = '', runbook } =
        /^(?<meaning>.{20,})\. Runbook: docs\/runbooks\/(?<runbook>[a-z-]+)\.md$/.exec(alarm.alarm_description)?.groups ?? {};
      expect(meaning).toMatch(/[a-z]/);
      expect(runbooks).toContain(runbook);
      expect(alarm.alarm_description.length).toBeLessThanOrEqual(1024);
      expect(alarm.alarm_actions).toEqual([onCall]);
    },
  );

  test('GIVEN an alarm that is taken out THEN the composite alarm lets go of it first: CloudWatch deletes none that a rule names', () => {
    for (const alarm of alarms) expect(alarm.lifecycle, alarm.alarm_name).toEqual({ create_before_destroy: true });
  });

  test.skipIf(!existsSync(`${root}/docs/runbooks`))('GIVEN the runbooks THEN each is a page', () => {
    expect(runbooks.filter((runbook) => !existsSync(`${root}/docs/runbooks/${runbook}.md`))).toEqual([]);
  });

  test('GIVEN where a team reads the runbooks THEN alarms and dashboard link there', () => {
    const linked = synthesize({ runbookBaseUrl: 'https://git.example.com/ad-lambda/docs/runbooks' });
    for (const { alarm_description: description } of linked.all('aws_cloudwatch_metric_alarm')) {
      expect(description).toMatch(/\. Runbook: https:\/\/git\.example\.com\/ad-lambda\/docs\/runbooks\/[a-z-]+\.md$/);
    }
    const page = 'https://git.example.com/ad-lambda/docs/runbooks/break-glass.md';
    expect(linked.one('aws_cloudwatch_dashboard').dashboard_body).toContain(`[break-glass](${page})`);
  });

  test.each([
    ['http://git.example.com/runbooks'],
    ['https://git.example.com/runbooks/'],
    ['docs/runbooks'],
    ['https://git.example.com/a b'],
    ['https://git.example.com/$secret'],
    ['https://'],
    [`https://${'a'.repeat(300)}`],
    [7],
    [''],
  ])('fails to be synthesized with the runbookBaseUrl %j', (runbookBaseUrl) => {
    expect(refusal({ runbookBaseUrl }).message).toMatch(/^runbookBaseUrl is .*: give an https:\/\/ address without a "\/" at its end$/);
  });

  test('fails with a description that CloudWatch would cut off', () => {
    const environment = { runbookBaseUrl: 'docs/runbooks' } as IntegrationEnvironment;
    expect(() => alarmDescription(environment, 'x-errors', 'a'.repeat(1000), 'break-glass')).toThrow(
      /^description of the alarm x-errors has \d+ characters, 1024 are allowed: shorten runbookBaseUrl$/,
    );
  });
});

/** Names of the alarms that a rule refers to. @throws for a rule of another form than the one that is evaluated here */
function members(rule: string): readonly string[] {
  return rule.split(' OR ').map((term) => {
    const reference = /^ALARM\("\$\{aws_cloudwatch_metric_alarm\.(?<id>[\w-]+)\.alarm_name\}"\)$/.exec(term)?.groups?.id;
    const alarm = template.json.resource.aws_cloudwatch_metric_alarm?.[reference ?? ''];
    if (alarm === undefined) throw new Error(`no alarm of the stack: ${term}`);
    return alarm.alarm_name as string;
  });
}

/** Amazon CloudWatch API Reference, PutCompositeAlarm: ALARM("name") is true while that alarm is in state ALARM. */
const rings = ({ alarm_rule: rule }: Arguments, ringing: readonly string[]): boolean =>
  members(rule).some((name) => ringing.includes(name));

describe('the alarm "identity is not flowing"', () => {
  const named = (...parts: readonly string[]) => parts.map((part) => `ad-lambda-test-${part}`);
  const stopping = named(
    'detect-changes-corp-lag',
    'detect-changes-corp-unreachable',
    'publish-changes-errors',
    'publish-changes-behind',
    'undeliverable-dead-letters-not-empty',
    'decide-access-errors',
    'decide-access-waiting',
    'sync-roles-identity-center-errors',
    'sync-roles-identity-center.fifo-waiting',
    'sync-roles-wiki-errors',
    'sync-roles-wiki.fifo-waiting',
  );
  const composite = flow ?? {};

  test.each(stopping)('GIVEN %s rings, and nothing else THEN it rings', (name) => {
    expect(alarms.map((alarm) => alarm.alarm_name)).toContain(name);
    expect(rings(composite, [name])).toBe(true);
  });

  test('GIVEN any other alarm rings, or all of them THEN it is silent: what fails alone has its own', () => {
    const others = alarms.map((alarm): string => alarm.alarm_name).filter((name) => !stopping.includes(name));
    expect(others.length).toBeGreaterThan(20);
    for (const other of others) expect(rings(composite, [other]), other).toBe(false);
    expect(rings(composite, others)).toBe(false);
    expect(rings(composite, [])).toBe(false);
  });

  test('GIVEN two directories THEN it listens to both', () => {
    const two = synthesize({
      roleMappings: mappedTo('identity-center'),
      directories: [{ existing }, { existing: { ...existing, domain: 'sales.example.com' } }],
    });
    const { alarm_rule: rule } = two.one('aws_cloudwatch_composite_alarm');
    for (const name of ['corp', 'sales']) {
      const lag = two.reference('aws_cloudwatch_metric_alarm', { alarm_name: `ad-lambda-test-detect-changes-${name}-lag` }, 'alarm_name');
      expect(rule).toContain(`ALARM("${lag}")`);
    }
  });

  test('fails with more alarms than CloudWatch takes', () => {
    const build = () =>
      Template.synthesize((stack) => {
        const environment = new IntegrationEnvironment(stack, 'environment', {
          name: 'test',
          account: '111122223333',
          region: 'eu-central-1',
        });
        const many = Array.from(
          { length: 101 },
          (_, index) =>
            new Alarm(stack, `a${index}`, {
              environment,
              alarmName: `a${index}`,
              meaning: 'nothing',
              runbook: 'break-glass',
              comparisonOperator: 'GreaterThanThreshold',
              evaluationPeriods: 1,
            }),
        );
        new FlowAlarm(stack, 'flow', { environment, alarms: many });
      });
    expect(build).toThrow(WrongPropError);
    expect(build).toThrow(
      /names 101 alarms in \d+ characters, 100 and 10240 are allowed: give some of the directories or targets an environment/,
    );
  });
});

test('GIVEN an integration in code THEN its flow alarm and its dashboard are named for other stacks to refer to', () => {
  Template.synthesize((stack) => {
    const { operations } = new ActiveDirectoryIntegration(stack, 'integration', leastProps);
    expect(operations.flowAlarm.plainName).toBe('ad-lambda-test-identity-not-flowing');
    expect(operations.dashboardName).toBe('ad-lambda-test-operations');
  });
});
