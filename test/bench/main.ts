/** `npm run bench`: measures, side by side with a baseline of the same run, and says whether each bound holds. */
import { parseArgs } from 'node:util';
import { progressTo } from '../../sandbox/progress.ts';
import { renderTable, terminalWidth } from '../../sandbox/report/table.ts';
import { auditBench } from './audit.ts';
import { credentialsBench } from './credentials.ts';
import { directoryBench } from './directory.ts';
import type { Bench, Figure } from './figure.ts';
import { rolesBench } from './roles.ts';

const benches: Readonly<Record<string, Bench>> = {
  directory: directoryBench,
  roles: rolesBench,
  credentials: credentialsBench,
  audit: auditBench,
};

const usage = `npm run bench -- <name> [--json] [--only <part>]

Names: ${Object.keys(benches).join(', ')}
  --json   one JSON document in place of the table
  --only   one part of a bench

Exit codes: 0 every bound holds, 1 a bound is missed or the bench failed, 2 wrong usage
`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let parsed: { readonly names: readonly string[]; readonly json: boolean; readonly only: string | undefined };
  try {
    const options = { json: { type: 'boolean', default: false }, only: { type: 'string' }, help: { type: 'boolean' } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values.help) {
      process.stdout.write(usage);
      return 0;
    }
    const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
    if (unknown.length > 0) throw new TypeError(`unknown bench "${unknown.join('", "')}": name one of ${Object.keys(benches).join(', ')}`);
    parsed = { names: positionals.length > 0 ? positionals : Object.keys(benches), json: values.json, only: values.only };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  const figures: Figure[] = [];
  const progress = progressTo((line) => process.stderr.write(line));
  try {
    for (const name of parsed.names) figures.push(...((await benches[name]?.(progress, parsed.only)) ?? []));
  } catch (error) {
    process.stderr.write(`bench failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
  if (figures.length === 0) {
    process.stderr.write(`nothing was measured: there is no part "${parsed.only}"\n\n${usage}`);
    return 2;
  }
  process.stdout.write(
    parsed.json
      ? `${JSON.stringify(figures)}\n`
      : `${renderTable(
          ['what', 'measured', 'baseline or detail', 'bound', 'holds'],
          figures.map(({ what, measured, detail, bound, holds }) => [
            what,
            measured,
            detail,
            bound,
            holds === undefined ? '–' : holds ? 'yes' : 'NO',
          ]),
          terminalWidth(),
        )}\n`,
  );
  return figures.some(({ holds }) => holds === false) ? 1 : 0;
}
