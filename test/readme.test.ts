/** The README stays true: what it tells people to run is run by the tests, and what it shows compiles and synthesizes. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPackage } from '../modules/npm-package.ts';
import { usage } from '../sandbox/options.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** Contents of the fenced blocks of one language. */
const blocks = (language: string): readonly string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text ?? '');

/** Each command of the README, and where a test runs it: a file and a text in it that does so. */
const covered: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'npm ci': ['.ci/run', 'npm ci'],
  'npm test': ['.ci/run', 'npm test'],
  'npm run sandbox': ['test/sandbox/story.test.ts', "runSandbox('--env', environment, '--json', ...stacks)"],
  'npm run sandbox -- --env prod': ['test/sandbox/story.test.ts', "['dev', 'staging', 'prod']"],
  'npm run sandbox -- --help': ['test/readme.test.ts', "'sandbox', '--', '--help'"],
  'npm run sandbox -- --measure 50': ['test/sandbox/measure.test.ts', "'--measure'"],
  'npm run sandbox -- --stay': ['test/sandbox/stay.test.ts', "runSandbox('--stay'"],
  'npm run bench -- --help': ['test/readme.test.ts', "'bench', '--', '--help'"],
  'npm run review -- --help': ['test/plan-review/review-command.test.ts', "'review', '--', '--help'"],
  'npm run package': ['test/readme.test.ts', 'buildPackage()'],
  'npm pack ./dist/package': ['test/readme.test.ts', "['pack', "],
  'npx cdktf synth': ['test/examples/cdktf-cli.test.ts', "'synth'"],
};

describe('README.md', () => {
  it('GIVEN its commands THEN each is run by a test', () => {
    const commands = blocks('sh').flatMap((block) => block.split('\n').flatMap((line) => line.split('&&').map((one) => one.trim())));
    expect([...new Set(commands.filter((command) => command !== ''))].sort()).toEqual(Object.keys(covered).sort());
    for (const [file, text] of Object.values(covered)) expect(readFileSync(join(root, file), 'utf8')).toContain(text);
  });

  it('GIVEN the test command THEN CI calls exactly that', () => {
    expect(readFileSync(join(root, '.ci/run'), 'utf8')).toMatch(/^npm test \|\|/m);
  });

  it('GIVEN npm run sandbox -- --help THEN it prints the usage', () => {
    const printed = execFileSync('npm', ['run', '--silent', 'sandbox', '--', '--help'], { cwd: root, encoding: 'utf8' });
    expect(printed).toBe(usage);
  });

  it('GIVEN npm run bench -- --help THEN it prints the usage', () => {
    const printed = execFileSync('npm', ['run', '--silent', 'bench', '--', '--help'], { cwd: root, encoding: 'utf8' });
    expect(printed).toContain('Names: directory');
  });

  it('GIVEN its files and folders THEN they are there', () => {
    const named = [...readme.matchAll(/`((?:handlers|modules|examples|docs|test)\/[\w./*-]*)`/g)].map(([, path]) => path ?? '');
    expect(named.length).toBeGreaterThan(2);
    for (const path of named) expect(existsSync(join(root, path.includes('*') ? dirname(dirname(path)) : path))).toBe(true);
  });
});

describe('the package that the README says to build', () => {
  let consumer: string;

  beforeAll(async () => {
    consumer = mkdtempSync(join(tmpdir(), 'active-directory-lambda-consumer-'));
    const archive = execFileSync('npm', ['pack', await buildPackage(), '--silent', '--pack-destination', consumer], {
      encoding: 'utf8',
    }).trim();
    execFileSync('tar', ['-xzf', join(consumer, archive), '-C', consumer]);
    const modules = join(consumer, 'node_modules');
    mkdirSync(modules);
    cpSync(join(consumer, 'package'), join(modules, 'active-directory-lambda'), { recursive: true });
    for (const name of ['cdktf', 'constructs', '@cdktf', '@cedar-policy', 'valibot', 'ldapts', 'strict-event-emitter-types', '@types'])
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
    writeFileSync(join(consumer, 'package.json'), '{"type": "module"}');
    writeFileSync(join(consumer, 'app.ts'), blocks('ts')[0] ?? '');
    const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['app.ts'] }));
  }, 120_000);

  afterAll(() => rmSync(consumer, { recursive: true, force: true }));

  it('GIVEN its pages THEN every page that one of them names is in it', () => {
    const folder = join(consumer, 'node_modules', 'active-directory-lambda');
    const docs = readdirSync(join(folder, 'docs'), { recursive: true, encoding: 'utf8' }).filter((page) => page.endsWith('.md'));
    const pages = ['README.md', ...docs.map((page) => `docs/${page}`)];
    const missing = pages.flatMap((page) => {
      const text = readFileSync(join(folder, page), 'utf8');
      const linked = [...text.matchAll(/\]\((?!https:)([^)#]+)/g)].map(([, path]) => join(dirname(page), path ?? ''));
      const named = [...text.matchAll(/`(docs\/[\w-]+\.md)`/g)].map(([, path]) => path ?? '');
      return [...linked, ...named].filter((path) => !existsSync(join(folder, path))).map((path) => `${page}: ${path}`);
    });
    expect(missing).toEqual([]);
  });

  it('GIVEN the example of the README in a repository that installed it THEN it type-checks', () => {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', consumer], { cwd: consumer });
  });

  it('GIVEN the example of the README in a repository that installed it THEN it synthesizes with all functions and their zips', () => {
    const out = join(consumer, 'cdktf.out');
    execFileSync(process.execPath, ['--preserve-symlinks', 'app.ts'], { cwd: consumer, env: { ...process.env, CDKTF_OUTDIR: out } });
    const stack = join(out, 'stacks', 'prod');
    const functions: Record<string, { filename: string }> = JSON.parse(readFileSync(join(stack, 'cdk.tf.json'), 'utf8')).resource
      .aws_lambda_function;
    expect(Object.keys(functions)).toHaveLength(10);
    for (const { filename } of Object.values(functions)) expect(existsSync(join(stack, filename))).toBe(true);
    expect(readdirSync(stack)).toContain('assets');
  });
});
