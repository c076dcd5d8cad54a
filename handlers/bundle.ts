/**
 * Builds every function's zip: `dist/handlers/<domain>/<function>.zip` with one file, index.mjs; where the function evaluates policies also
 * with Cedar's WebAssembly module.
 * The same source gives the same bytes in any folder: fixed working directory, sorted names, fixed dates.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { zipSync } from 'fflate';
import { type FunctionName, functions } from './functions.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Cedar's CommonJS module reads the WebAssembly module that lies beside it. */
const cedarModule = 'node_modules/@cedar-policy/cedar-wasm/nodejs/cedar_wasm.js';
const cedarWasm = 'cedar_wasm_bg.wasm';
/** An ES module has no __dirname. */
const directoryOfModule = 'const __dirname=import.meta.dirname;';

/** Path of a function's zip, absolute. */
export const zipPath = (name: FunctionName): string => join(root, 'dist', 'handlers', functions[name], `${name}.zip`);

/** Builds the zips of some functions in memory: in one run, which reads what they share once. */
export async function bundle<Name extends FunctionName>(names: readonly Name[]): Promise<Readonly<Record<Name, Uint8Array>>> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => ({ in: `handlers/${functions[name]}/${name}/index.ts`, out: name })),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    mainFields: ['module', 'main'],
    minify: true,
    keepNames: true,
    legalComments: 'none',
    // CommonJS packages inside the bundle ask for Node's own modules with require.
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    outdir: '.',
    outExtension: { '.js': '.mjs' },
    logLevel: 'error',
  });
  const zips = names.map((name) => {
    const code = result.outputFiles.find(({ path }) => basename(path, '.mjs') === name)?.contents;
    if (code === undefined) throw new Error(`esbuild wrote nothing for ${name}`);
    const wasm = besides(result.metafile.outputs[`${name}.mjs`]?.inputs ?? {});
    const index = Object.keys(wasm).length === 0 ? code : Buffer.concat([Buffer.from(directoryOfModule), code]);
    // A zip's dates have no time zone: fflate writes local time, so the date is built from local parts.
    return [name, zipSync({ ...wasm, 'index.mjs': index }, { level: 9, mtime: new Date(2000, 0, 1) })] as const;
  });
  return Object.fromEntries(zips) as Record<Name, Uint8Array>;
}

/** Files that lie beside the code. */
function besides(inputs: Readonly<Record<string, unknown>>): Record<string, Uint8Array> {
  const module = Object.keys(inputs).find((path) => path.endsWith(cedarModule));
  return module === undefined ? {} : { [cedarWasm]: readFileSync(join(root, dirname(module), cedarWasm)) };
}

/** Writes a file only if its bytes differ, so that nothing that watches it wakes up. */
function writeIfChanged(path: string, bytes: Uint8Array): void {
  try {
    if (readFileSync(path).equals(bytes)) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** Builds all zips. @returns each zip's size in bytes */
export async function bundleAll(): Promise<Readonly<Record<FunctionName, number>>> {
  const zips = Object.entries(await bundle(Object.keys(functions) as FunctionName[])) as [FunctionName, Uint8Array][];
  for (const [name, bytes] of zips) writeIfChanged(zipPath(name), bytes);
  return Object.fromEntries(zips.map(([name, bytes]) => [name, bytes.length])) as Record<FunctionName, number>;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = await bundleAll();
  if (!process.argv.includes('--quiet')) {
    for (const [name, size] of Object.entries(sizes)) console.log(`${name.padEnd(18)} ${(size / 1024).toFixed(0).padStart(5)} KiB`);
  }
}
