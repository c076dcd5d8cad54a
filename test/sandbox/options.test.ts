import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../handlers/platform/command-errors.ts';
import { parseCommandLine } from '../../sandbox/options.ts';

describe('the command line of the sandbox', () => {
  it('GIVEN nothing THEN the story of dev, polled every second', () => {
    expect(parseCommandLine([])).toEqual({ environment: 'dev', stay: false, pollSeconds: 1, measure: 0, json: false });
  });

  it('GIVEN options THEN they are taken', () => {
    expect(parseCommandLine(['--env', 'prod', '--poll', '0.5', '--measure', '50', '--json'])).toEqual({
      environment: 'prod',
      stay: false,
      pollSeconds: 0.5,
      measure: 50,
      json: true,
    });
    expect(parseCommandLine(['--help'])).toBe('help');
    expect(parseCommandLine(['-h'])).toBe('help');
  });

  it('GIVEN a folder of stacks THEN it is taken where it holds the environment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'stacks-'));
    try {
      mkdirSync(join(folder, 'stacks', 'prod'), { recursive: true });
      expect(parseCommandLine(['--stacks', folder, '--env', 'prod'])).toMatchObject({ environment: 'prod', stacks: folder });
      expect(() => parseCommandLine(['--stacks', folder])).toThrow(
        new UsageError(`--stacks ${folder}: give a folder that holds stacks/dev, as "npx cdktf synth" writes it`),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fails for an environment that there is not, naming those there are', () => {
    expect(() => parseCommandLine(['--env', 'nope'])).toThrow(new UsageError('--env nope: give one of dev, staging, prod'));
  });

  it.each([
    [['--nope']],
    [['--poll', '0']],
    [['--poll', 'often']],
    [['--measure', '1.5']],
    [['--measure', '']],
    [['--stay', '--measure', '5']],
    [['extra']],
  ])('fails for %j with the value and the remedy', (args) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError);
  });
});
