/**
 * Builds every function's zip: `dist/handlers/<domain>/<function>.zip` with one file, index.mjs; where the function evaluates policies also
 * with Cedar's WebAssembly module.
 * The same source gives the same bytes in any folder: fixed working directory, sorted names, fixed dates.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
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

/** Builds one function's zip in memory. */
export async function bundle(name: FunctionName): Promise<Uint8Array> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [`handlers/${functions[name]}/${name}/index.ts`],
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
    outfile: 'index.mjs',
    logLevel: 'error',
  });
  const code = result.outputFiles[0]?.contents;
  if (code === undefined) throw new Error(`esbuild wrote nothing for ${name}`);
  const wasm = besides(result.metafile);
  const index = Object.keys(wasm).length === 0 ? code : Buffer.concat([Buffer.from(directoryOfModule), code]);
  // A zip's dates have no time zone: fflate writes local time, so the date is built from local parts.
  return zipSync({ ...wasm, 'index.mjs': index }, { level: 9, mtime: new Date(2000, 0, 1) });
}

/** Files that lie beside the code. */
function besides({ inputs }: Metafile): Record<string, Uint8Array> {
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
  const names = Object.keys(functions) as FunctionName[];
  const sizes = await Promise.all(
    names.map(async (name) => {
      const bytes = await bundle(name);
      writeIfChanged(zipPath(name), bytes);
      return [name, bytes.length] as const;
    }),
  );
  return Object.fromEntries(sizes) as Record<FunctionName, number>;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = await bundleAll();
  if (!process.argv.includes('--quiet')) {
    for (const [name, size] of Object.entries(sizes)) console.log(`${name.padEnd(18)} ${(size / 1024).toFixed(0).padStart(5)} KiB`);
  }
}
