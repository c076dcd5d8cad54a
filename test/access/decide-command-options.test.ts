/** The command line of `npm run decide`. */
import { describe, expect, it } from 'vitest';
import { parseCommandLine, usage } from '../../handlers/access/decide-command/options.ts';
import { UsageError } from '../../handlers/platform/command-errors.ts';

const parse = (text: string) => parseCommandLine(text.split(' '));

describe('the command line of npm run decide', () => {
  it('GIVEN a name alone THEN it asks the dev environment', () => {
    expect(parse('--user ada')).toEqual({ user: 'ada', source: { environment: 'dev', prefix: 'ad-lambda' }, json: false });
  });

  it('GIVEN an environment THEN it asks that', () => {
    expect(parse('--user ada --environment prod --prefix corp --json')).toEqual({
      user: 'ada',
      source: { environment: 'prod', prefix: 'corp' },
      json: true,
    });
  });

  it('GIVEN files THEN it reads them', () => {
    expect(parse('--user ada --mirror m.json --configuration c.json --policies p --grants g.json')).toMatchObject({
      source: { mirror: 'm.json', configuration: 'c.json', policies: 'p', grants: 'g.json' },
    });
  });

  it('GIVEN -h THEN it helps, whatever else is said, and names every option', () => {
    expect(parse('-h')).toBe('help');
    for (const option of ['user', 'environment', 'prefix', 'mirror', 'configuration', 'policies', 'grants', 'json', 'help'])
      expect(usage).toContain(`--${option}`);
  });

  it.each([
    ['--json', '--user is missing'],
    ['--user=', '--user is empty'],
    ['--user ada --name bob', '--name'],
    ['--user ada bob', 'bob'],
    ['--user ada --mirror m.json', '--configuration is missing'],
    ['--user ada --configuration c.json', '--configuration goes with --mirror'],
    ['--user ada --grants g.json', '--grants goes with --mirror'],
    ['--user ada --mirror m.json --configuration c.json --environment dev', '--environment and --mirror exclude each other'],
    ['--user ada --mirror m.json --configuration c.json --prefix x', '--prefix and --mirror exclude each other'],
  ])('fails for %s', (text, part) => {
    expect(() => parse(text)).toThrow(UsageError);
    expect(() => parse(text)).toThrow(part);
  });
});
