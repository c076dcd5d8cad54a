/** `npm run status`: its exit codes, its words, and what it finds where there is little. */

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pages } from '../../handlers/operations/status-command/line.ts';
import { usage } from '../../handlers/operations/status-command/options.ts';
import type { Readings } from '../../handlers/operations/status-command/readings.ts';
import { statusCommand } from '../../handlers/operations/status-command/status-command.ts';
import { CommandError } from '../../handlers/platform/command-errors.ts';
import { cursor, directory, known, minutesAgo, now, unknown, well } from './status-readings.ts';

async function run(args: readonly string[], read: Readings | Error = well, width?: number) {
  const said = { out: '', error: '' };
  const asked: string[] = [];
  const code = await statusCommand(args, {
    out: (text) => {
      said.out += text;
    },
    error: (text) => {
      said.error += text;
    },
    now: () => now,
    width,
    read: async (prefix, environment) => {
      asked.push(`${prefix}-${environment}`);
      if (read instanceof Error) throw read;
      return read;
    },
  });
  return { code, ...said, asked };
}
const unreachable = (reason: string): Readings => ({
  ...well,
  directories: [
    {
      ...directory,
      state: known({
        cursor: { ...cursor, unreachableSince: minutesAgo(12) },
        status: { reachable: false, since: minutesAgo(12), reason },
      }),
    },
  ],
});

describe('npm run status', () => {
  it('GIVEN all is well THEN it ends with 0 and says so in its first line', async () => {
    const { code, out, error, asked } = await run(['--environment', 'prod']);
    expect([code, error, asked]).toEqual([0, '', ['ad-lambda-prod']]);
    expect(out.split('\n')[0]).toBe('ad-lambda-prod at 2025-03-10T12:00:00.000Z: all is well');
  });

  it('GIVEN something is broken THEN it ends with 1, and the first line names the page', async () => {
    const { code, out } = await run([], { ...unreachable('no answer'), audit: unknown('x') });
    expect(code).toBe(1);
    expect(out).toContain(': 1 broken, 1 unknown\n\nBROKEN   directory corp.example.com');
    expect(out).toContain('unreachable for 12 min: no answer  → docs/runbooks/directory-unreachable.md\n');
  });

  it('GIVEN a terminal WHEN a line is longer THEN it goes on in the next one, between words, and the page stays whole', async () => {
    const reason =
      'bind of "svc@corp.example.com" at ldaps://dc1.corp.example.com:636 refused: wrong password; put the right one into the secret';
    const { out } = await run([], unreachable(reason), 80);
    const [line = '', ...more] = out.split('\n').slice(2, 6);
    expect([line, ...more].every((one) => one.length <= 80)).toBe(true);
    expect([line.trim(), ...more.map((one) => one.trim())].join(' ')).toContain(`${reason} → docs/runbooks/directory-unreachable.md`);
    expect(more[0]).toMatch(/^ {8}\S/);
  });

  it('fails to find out with 3, WHEN nothing is known to be wrong', async () => {
    expect((await run([], { ...well, alarms: unknown('AccessDenied: no') })).code).toBe(3);
    const noDeployment = await run([], new CommandError('there is no function ad-lambda-dev-…: give --environment'));
    expect(noDeployment).toMatchObject({ code: 3, out: '', error: 'there is no function ad-lambda-dev-…: give --environment\n' });
    const noEndpoint = await run([], new Error('connect ECONNREFUSED'));
    expect(noEndpoint.code).toBe(3);
    expect(noEndpoint.error).toMatch(/^Error: connect ECONNREFUSED: look at the credentials, region and endpoint/);
  });

  it.each([[['--environment', '']], [['--prefix', '']], [['--colour']], [['now']]])('fails for %j with 2 and the usage', async (args) => {
    const { code, error, asked } = await run(args);
    expect([code, asked]).toEqual([2, []]);
    expect(error).toContain(usage);
  });

  it('GIVEN --json THEN it is one line of JSON with every line', async () => {
    const { out } = await run(['--json'], unreachable('no answer'));
    expect(out.trim().split('\n')).toHaveLength(1);
    const { status, lines } = JSON.parse(out) as { status: string; lines: { status: string; page?: string }[] };
    expect(status).toBe('broken');
    expect(lines[0]).toMatchObject({ status: 'broken', page: 'docs/runbooks/directory-unreachable.md' });
    expect(lines.length).toBeGreaterThan(8);
  });

  it('GIVEN a reason with a server’s own words THEN they neither steer the terminal nor break the line', async () => {
    const { out } = await run([], unreachable(`\u001b[2J\u202edc1\nsaid ${'x'.repeat(5_000)}`));
    for (const sign of ['\u001b', '\u202e']) expect(out).not.toContain(sign);
    const line = out.split('\n').find((one) => one.startsWith('BROKEN')) ?? '';
    expect(line).toMatch(/said x+… {2}→ /);
    expect(line.length).toBeLessThan(350);
  });

  it('GIVEN a page that a line may name THEN it is there', () => {
    for (const page of Object.values(pages)) expect(existsSync(page), page).toBe(true);
  });
});
