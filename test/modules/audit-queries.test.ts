/** The saved queries of the audit trail ask for what records have, and for nothing else. */
import { describe, expect, test } from 'vitest';
import { auditRecord } from '../../handlers/audit/audit-record.ts';
import { chained, chainStart } from '../../handlers/audit/chain.ts';
import { catalogue, type IdentityEventType } from '../../handlers/events/catalogue.ts';
import { athenaQueries, insightsQueries, questions } from '../../modules/audit/queries.ts';
import { grantOf, Teller } from '../audit/told-trail.ts';
import { synthesize } from './integration.ts';

const template = synthesize();

/** Records of every kind that a query reads, as they stand in the log. */
const records = (() => {
  const teller = new Teller();
  const ada = teller.user('ada');
  const actor = { sid: 'S-1-5-21-1-2-3-500', name: 'CORP\\admin' };
  const joined = teller.member('GroupMemberAdded', ada, 'devs', { actor });
  const grant = grantOf('developers', 'wiki', joined.detectedAt);
  const decided = teller.decided(ada, { granted: [grant], holds: [grant] }, joined);
  teller.given(ada, grant, decided);
  teller.denied(ada, { role: 'admins', target: 'wiki' }, joined);
  teller.failed(ada, 'wiki', 'it is down', decided);
  teller.event('UserDeleted', ada, {});
  return chained('f00d', chainStart, teller.records).lines.map((line) => JSON.parse(line) as object);
})();

/** All paths into the records, elements of lists by their number: what Logs Insights calls its fields. */
const fields = new Set(records.flatMap((record) => [...pathsOf(record)]));
function* pathsOf(value: unknown, path = ''): Generator<string> {
  if (path !== '') yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) yield* pathsOf(member, path === '' ? name : `${path}.${name}`);
}

/** Names in a query, besides comments, numbers, what is a name of its own, and texts: in Insights in quotes, in SQL in apostrophes. */
const named = (query: string, texts: RegExp): readonly string[] =>
  query
    .replace(/^(?:#|--).*$/gm, '')
    .replace(texts, '')
    .replaceAll('"', '')
    .replace(/ (?:as|AS) \w+/g, '')
    .match(/@?[a-zA-Z_][\w.]*/g) ?? [];

describe.each(questions)('%s', (question) => {
  test('GIVEN the query for Logs Insights WHEN it is read THEN each field is one of a record, or a system field', () => {
    const words = new Set(['fields', 'filter', 'dedup', 'sort', 'desc', 'asc', 'in', 'or', 'like']);
    const system = new Set(['@timestamp', '@message']);
    const asked = named(insightsQueries[question], /"[^"]*"|\/[^/\n]*\//g).filter((name) => !words.has(name) && !system.has(name));
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.filter((name) => !fields.has(name))).toEqual([]);
  });

  test('GIVEN the query for Athena WHEN it is read THEN each column is one of the table, and of a record', () => {
    const words = new Set('select from where and or in order by desc like json_extract'.split(' '));
    const partitions = new Set(['year', 'month']);
    const asked = named(athenaQueries('trail.records')[question], /'[^']*'/g).filter(
      (name) => !words.has(name.toLowerCase()) && !partitions.has(name) && name !== 'trail.records',
    );
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.filter((name) => !columns.has(name.toLowerCase()))).toEqual([]);
    expect(asked.filter((name) => !fields.has(name))).toEqual([]);
  });

  test('GIVEN an environment WHEN synthesized THEN it is saved in both', () => {
    expect(template.one('aws_cloudwatch_query_definition', { name: `ad-lambda-test-audit/${question}` })).toMatchObject({
      query_string: insightsQueries[question],
      log_group_names: [template.reference('aws_cloudwatch_log_group', { name: '/ad-lambda/test/audit' }, 'name')],
    });
    const saved = template.one('aws_athena_named_query', { name: `ad-lambda-test-audit-${question}` });
    expect(saved.workgroup).toBe(template.reference('aws_athena_workgroup', { name: 'ad-lambda-test-audit' }, 'name'));
    expect(saved.query).toMatch(/\nFROM \$\{aws_glue_catalog_database\.\w+\.name\}\.\$\{aws_glue_catalog_table\.\w+\.name\}\nWHERE /);
  });
});

/** Columns of the table and the fields of their structures, in lower case, as Athena has them. */
const columns = new Set(
  template
    .one('aws_glue_catalog_table', { name: 'records' })
    .storage_descriptor.columns.flatMap(({ name, type }: { name: string; type: string }) => [...columnsOf(name, type)]),
);
function* columnsOf(path: string, type: string): Generator<string> {
  yield path.toLowerCase();
  const inner = /^struct<(.*)>$/.exec(type)?.[1];
  if (inner === undefined) return;
  let [depth, from] = [0, 0];
  for (let at = 0; at <= inner.length; at += 1) {
    const sign = inner[at];
    depth += sign === '<' ? 1 : sign === '>' ? -1 : 0;
    if (at < inner.length && (sign !== ',' || depth > 0)) continue;
    const part = inner.slice(from, at);
    yield* columnsOf(`${path}.${part.slice(0, part.indexOf(':'))}`, part.slice(part.indexOf(':') + 1));
    from = at + 1;
  }
}

test('GIVEN what queries name in quotes WHEN it is compared THEN types of events are of the catalogue, and kinds of deletion of a record', () => {
  const texts = questions.flatMap((question) => [insightsQueries[question], athenaQueries('t')[question]]);
  const types = texts.flatMap((text) => text.match(/(?<=["'])[A-Z][a-z]+[A-Z]\w+(?=["'])/g) ?? []);
  expect(types.length).toBeGreaterThan(20);
  expect(types.filter((type) => !Object.hasOwn(catalogue, type))).toEqual([]);
  const deletion = new Teller().event('UserDeleted', new Teller().user('ada'), {});
  const revisions = { code: 'c', configuration: 'd' };
  const kinds = [deletion, { ...deletion, type: 'GroupDeleted' as IdentityEventType }].map(
    (event) => auditRecord(event as typeof deletion, deletion.detectedAt, revisions).type_uid,
  );
  expect(insightsQueries.deletions).toContain(`[${kinds.join(', ')}]`);
  expect(athenaQueries('t').deletions).toContain(`(${kinds.join(', ')})`);
});

test('GIVEN what queries find in text WHEN it is compared THEN lines of the log hold it so', () => {
  const lines = records.map((record) => JSON.stringify(record));
  for (const text of ['"samAccountName":"ada"', '"role":"developers"']) {
    expect(lines.some((line) => line.includes(text))).toBe(true);
    expect([...Object.values(insightsQueries), ...Object.values(athenaQueries('t'))].join('\n')).toContain(text);
  }
});

test("GIVEN the workgroup WHEN synthesized THEN results are encrypted with the environment's key, in a bucket that forgets them", () => {
  const { configuration } = template.one('aws_athena_workgroup', { name: 'ad-lambda-test-audit' });
  const named = { bucket: 'ad-lambda-test-answers-111122223333-eu-central-1' };
  const bucket = template.reference('aws_s3_bucket', named, 'bucket');
  expect(configuration).toMatchObject({
    enforce_workgroup_configuration: true,
    result_configuration: {
      output_location: `s3://${bucket}/`,
      encryption_configuration: {
        encryption_option: 'SSE_KMS',
        kms_key_arn: template.reference('aws_kms_key', { description: 'log groups of ad-lambda test' }, 'arn'),
      },
    },
  });
  expect(template.one('aws_s3_bucket_lifecycle_configuration', { bucket }).rule).toMatchObject([{ expiration: [{ days: 7 }] }]);
});
