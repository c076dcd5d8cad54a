/** The zip of decide-access carries Cedar's WebAssembly module, and its code finds it wherever it is unpacked. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { decideAccessEnvironment } from '../../handlers/access/decide-access/environment.ts';
import { bundle, zipPath } from '../../handlers/bundle.ts';
import { type FunctionName, functions } from '../../handlers/functions.ts';
import { unpack } from '../../sandbox/runtime/function-code.ts';

const folder = mkdtempSync(join(tmpdir(), 'ad-lambda-zip-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const wasm = 'cedar_wasm_bg.wasm';

/** Loads the module in a process of its own, as Lambda does, and prints what it exports. */
function load(taskRoot: string): string {
  const url = JSON.stringify(join(taskRoot, 'index.mjs'));
  const env = {
    PATH: process.env.PATH,
    AWS_REGION: 'eu-central-2',
    ...Object.fromEntries(
      decideAccessEnvironment.map((name) => [
        name,
        name === 'ROLE_QUEUES' ? '{"scim":"https://sqs.eu-central-2.amazonaws.com/111122223333/scim.fifo"}' : 'x',
      ]),
    ),
  };
  const script = `const { handler } = await import(${url}); console.log(typeof handler)`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8', stdio: 'pipe' }).trim();
}

describe('the zip of decide-access', () => {
  it('GIVEN it unpacked anywhere THEN the handler module loads the WebAssembly beside it', () => {
    const { taskRoot } = unpack(zipPath('decide-access'), folder);
    expect(load(taskRoot)).toBe('function');
  });

  it('fails to load without the WebAssembly: nothing is decided, so nothing is granted', () => {
    const { taskRoot } = unpack(zipPath('decide-access'), folder);
    rmSync(join(taskRoot, wasm));
    expect(() => load(taskRoot)).toThrow(wasm);
  });

  it('invariant 12: GIVEN the same source, built alone or with the others, THEN its bytes are the same', async () => {
    expect(Buffer.from((await bundle(['decide-access']))['decide-access']).equals(readFileSync(zipPath('decide-access')))).toBe(true);
  });

  it('GIVEN its size THEN a direct upload can take it (50 MB, Lambda quotas), and it is below 2 MB', () => {
    expect(statSync(zipPath('decide-access')).size).toBeLessThan(2_000_000);
  });

  it('GIVEN the other functions THEN their zips hold their code alone', () => {
    for (const name of Object.keys(functions) as FunctionName[]) {
      const files = Object.keys(unzipSync(readFileSync(zipPath(name)))).sort();
      expect([name, ...files]).toEqual(name === 'decide-access' ? [name, wasm, 'index.mjs'] : [name, 'index.mjs']);
    }
  });
});
