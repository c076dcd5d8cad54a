/**
 * `npm run package`: builds `dist/package`, the folder that `npm pack ./dist/package` turns into the package a platform team installs.
 * It holds the constructs as JavaScript with their types, and the built zips. Node does not run TypeScript from node_modules.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleAll } from '../handlers/bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'dist', 'package');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Builds the package's folder. @returns its path */
export async function buildPackage(): Promise<string> {
  await bundleAll();
  rmSync(target, { recursive: true, force: true });
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'tsconfig.package.json')], {
    cwd: root,
    stdio: 'inherit',
  });
  cpSync(join(root, 'dist', 'handlers'), join(target, 'dist', 'handlers'), { recursive: true });
  // Read at synth where the props name no other.
  cpSync(join(root, 'modules', 'access', 'policies'), join(target, 'modules', 'access', 'policies'), { recursive: true });
  // Run by a directory's administrator; docs/connector-account.md explains it.
  cpSync(join(root, 'modules', 'directory', 'setup'), join(target, 'modules', 'directory', 'setup'), { recursive: true });
  // All pages: they and the README name one another.
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'docs']) cpSync(join(root, name), join(target, name), { recursive: true });
  const { name, version, description, license, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const versions = (names: readonly string[]) => Object.fromEntries(names.map((one) => [one, devDependencies[one]]));
  const manifest = {
    ...{ name, version, description, license, type: 'module' },
    exports: { '.': { types: './modules/index.d.ts', default: './modules/index.js' } },
    dependencies: versions(['@cedar-policy/cedar-wasm', 'ldapts', 'valibot']),
    peerDependencies: versions(['cdktf', 'constructs', '@cdktf/provider-aws']),
  };
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildPackage());
