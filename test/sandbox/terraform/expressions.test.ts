import { describe, expect, it } from 'vitest';
import { parseTemplate, referencesIn, resolve } from '../../../sandbox/terraform/expressions.ts';
import type { Json } from '../../../sandbox/terraform/template.ts';
import { expression as $ } from '../runtime/small-stack.ts';

const values: Record<string, Json> = {
  'aws_sqs_queue.jobs': { arn: 'arn:aws:sqs:eu-central-1:111122223333:jobs', url: 'http://localhost/jobs', size: 7, tags: { 'a-b': 'c' } },
  'aws_vpc_endpoint.made': { entries: [{ name: 'first' }, { name: 'second' }], fifo: true, nothing: null },
  'data.aws_region.here': { name: 'eu-central-1' },
  'var.ca': `PEM ${$('not evaluated again')}`,
  'local.prefix': 'ad-lambda',
};

const resolved = (value: Json) =>
  resolve(value, ({ address, expression }) => {
    const found = values[address];
    if (found === undefined) throw new Error(`nothing at ${expression}`);
    return found;
  });

describe('expressions', () => {
  it.each<[string, Json, Json]>([
    ['text without an expression', 'plain text', 'plain text'],
    ['an empty string', '', ''],
    ['an attribute', $('aws_sqs_queue.jobs.url'), 'http://localhost/jobs'],
    ['an attribute with spaces around it', $(' aws_sqs_queue.jobs.url '), 'http://localhost/jobs'],
    ['two attributes in a string', `${$('local.prefix')}-${$('data.aws_region.here.name')}!`, 'ad-lambda-eu-central-1!'],
    ['a number that keeps its type', $('aws_sqs_queue.jobs.size'), 7],
    ['a number and a boolean within a string', `${$('aws_sqs_queue.jobs.size')} ${$('aws_vpc_endpoint.made.fifo')}`, '7 true'],
    ['null that stays null', $('aws_vpc_endpoint.made.nothing'), null],
    ['a list that keeps its type', $('aws_vpc_endpoint.made.entries'), [{ name: 'first' }, { name: 'second' }]],
    ['an index', $('aws_vpc_endpoint.made.entries[1].name'), 'second'],
    ['an index in the old spelling', $('aws_vpc_endpoint.made.entries.0.name'), 'first'],
    ['a key in brackets', $('aws_sqs_queue.jobs.tags["a-b"]'), 'c'],
    ['a variable, whose value is not evaluated again', $('var.ca'), `PEM ${$('not evaluated again')}`],
    ['an escaped expression', `$${$('literal')} and %%{literal}`, `${$('literal')} and %{literal}`],
    [
      'a policy in JSON',
      JSON.stringify({ Resource: [`${$('aws_sqs_queue.jobs.arn')}/*`] }),
      '{"Resource":["arn:aws:sqs:eu-central-1:111122223333:jobs/*"]}',
    ],
    ['values deep in objects and lists', { a: [{ b: $('local.prefix') }], c: 1, d: null }, { a: [{ b: 'ad-lambda' }], c: 1, d: null }],
    ['braces and dollars that are no expression', 'a {b} $5 $ }', 'a {b} $5 $ }'],
  ])('GIVEN %s WHEN it is resolved THEN Terraform would say the same', (_what, given, expected) => {
    expect(resolved(given)).toEqual(expected);
  });

  it.each([
    ['a function call', $('join(",", aws_x.y.z)'), 'the function call join()'],
    ['a splat', $('aws_x.y[*].arn'), 'a splat'],
    ['an old splat', $('aws_x.y.*.arn'), 'a splat'],
    ['a condition', $('var.a ? "b" : "c"'), '? "b" : "c"'],
    ['an operator', $('var.a + 1'), '+ 1'],
    ['a for expression', $('[for a in var.b : a]'), 'no reference'],
    ['a literal', $('"text"'), 'no reference'],
    ['a directive', '%{ if true }a%{ endif }', 'a template directive'],
    ['each', $('each.value'), '"each"'],
    ['a module', $('module.network.vpc_id'), '"module"'],
    ['a type without a name', $('aws_sqs_queue'), 'an incomplete reference'],
    ['a data source without a name', $('data.aws_region'), 'an incomplete reference'],
  ])('fails loudly for %s, and names it', (_what, given, named) => {
    expect(() => resolved(given)).toThrow(named);
  });

  it.each([
    ['an unclosed expression', $('var.ca').slice(0, -1), 'unclosed expression'],
    ['an attribute that is not there', $('aws_sqs_queue.jobs.nme'), 'nothing at "nme", the sandbox knows there arn, url, size, tags'],
    ['an index past the end', $('aws_vpc_endpoint.made.entries[2]'), 'nothing at "2"'],
    ['a list within a string', `a ${$('aws_vpc_endpoint.made.entries')}`, 'does not fit into a string'],
    ['null within a string', `a ${$('aws_vpc_endpoint.made.nothing')}`, 'does not fit into a string'],
    ['an unknown block', $('aws_x.y.z'), 'nothing at aws_x.y.z'],
  ])('fails for %s', (_what, given, message) => {
    expect(() => resolved(given)).toThrow(message);
  });

  it('GIVEN a value with expressions at any depth WHEN references are asked for THEN each is found with its address and path', () => {
    const found = referencesIn({ a: [$('aws_a.b.c')], d: { e: `x${$('data.f.g.h[0]')}` }, i: $('var.j') });
    expect(found.map(({ address, path }) => [address, ...path])).toEqual([['aws_a.b', 'c'], ['data.f.g', 'h', 0], ['var.j']]);
  });

  it('GIVEN an escaped expression WHEN it is parsed THEN it is no reference', () => {
    expect(parseTemplate(`$${$('aws_a.b.c')}`)).toEqual([$('aws_a.b.c')]);
  });
});
