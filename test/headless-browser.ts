/** A headless Chromium for pages: found, or installed with apt where this is root on Debian; otherwise the tests say what is missing. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { install, isProgram } from '../sandbox/domain-controller/packages.ts';

const run = promisify(execFile);
const names = ['chromium', 'chromium-browser', 'google-chrome'] as const;

/** Name of the program, or why there is none. */
export async function findBrowser(): Promise<{ readonly program: string } | { readonly missing: string }> {
  for (const attempt of ['as it is', 'installed'] as const) {
    for (const program of names) if (await isProgram(program)) return { program };
    if (attempt === 'installed' || process.getuid?.() !== 0 || !(await isProgram('apt-get'))) break;
    await install(['chromium']);
  }
  return { missing: `none of ${names.join(', ')} is on PATH: install Debian's package chromium` };
}

/**
 * Opens a page without any network, lets its scripts and then `act` run, and returns what the document is after that.
 *
 * @param act JavaScript in the page's context; the page's own security policy does not let it in, so it is written past it for this test alone
 */
export async function documentOf(program: string, html: string, act = ''): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'active-directory-lambda-page-'));
  try {
    const file = join(folder, 'page.html');
    await writeFile(
      file,
      act === ''
        ? html
        : html.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '').replace('</body>', `<script>${act}</script></body>`),
    );
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      `--user-data-dir=${join(folder, 'profile')}`,
    ];
    const offline = ['--host-resolver-rules=MAP * ~NOTFOUND', '--disable-background-networking'];
    const { stdout } = await run(program, [...flags, ...offline, '--virtual-time-budget=5000', '--dump-dom', pathToFileURL(file).href], {
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
