/** The two forms of the connector account's set-up, for Samba and for PowerShell, say the same. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const setup = fileURLToPath(new URL('../../modules/directory/setup/', import.meta.url));

describe('the form for PowerShell', () => {
  const powerShell = join(setup, 'New-ConnectorAccount.ps1');
  const matches = (source: string, pattern: RegExp) => [...source.matchAll(pattern)].map((match) => match.slice(1).join(' on ')).sort();

  test('THEN it names the same objects, entries, user rights and policy as the form for Samba', async () => {
    const ps = await readFile(powerShell, 'utf8');
    const python = await Promise.all(['connector_account.py', 'log_on_policy.py'].map((name) => readFile(join(setup, name), 'utf8')));
    const samba = python.join('\n');
    for (const pattern of [
      /\(["']([^"']*)["'], ["'](\([A-Z]+;[^"']+\))["']\)/g,
      /= ["'](\([A-Z]+;[^"']+\))["']/g,
      /(S-1-5-32-\d+)/g,
      /^\s+["']?(SeDeny\w+)/gm,
      /["'](\[\{[^"']+\}\])["']/g,
      /["'](Active Directory Lambda: connector account)["']/g,
      /["'](svc-directory-watch)["']/g,
    ]) {
      expect(matches(ps, pattern).length, String(pattern)).toBeGreaterThan(0);
      expect(matches(ps, pattern)).toEqual(matches(samba, pattern));
    }
    expect(matches(ps, /\(["']([^"']*)["'], ["'](\([A-Z]+;[^"']+\))["']\)/g)).toHaveLength(4);
    // dsacls' own spelling of (A;CI;LCRP;;;…), because CN=Deleted Objects takes no other way.
    expect(ps).toMatch(/'\/I:T', '\/G', "[^"]+:LCRP"/);
  });

  test('THEN it takes the password as a SecureString and supports -WhatIf', async () => {
    const ps = await readFile(powerShell, 'utf8');
    expect(ps).toMatch(/\[CmdletBinding\(SupportsShouldProcess\)\]/);
    expect(ps).toMatch(/\[SecureString\] \$Password/);
    expect(ps).not.toMatch(/ConvertTo-SecureString|-AsPlainText/);
  });

  const pwsh = spawnSync('pwsh', ['-Version']).status === 0;
  if (!pwsh) console.warn('New-ConnectorAccount.ps1 is not parsed: there is no pwsh on PATH');
  test.runIf(pwsh)('THEN PowerShell parses it', () => {
    const script = `$errors = $null; [void] [Management.Automation.Language.Parser]::ParseFile('${powerShell}', [ref] $null, [ref] $errors); $errors`;
    expect(execFileSync('pwsh', ['-NoProfile', '-Command', script], { encoding: 'utf8' })).toBe('');
  });
});
