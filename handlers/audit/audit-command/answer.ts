/** A question's way: the records are opened, the answer is computed and printed, and what it covers is said. */
import { plain } from '../../platform/plain-text.ts';
import type { Coverage, TrailRecords } from '../answers/trail-records.ts';
import type { Surroundings } from './action.ts';
import { type CsvTable, csv } from './csv.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Options } from './options.ts';
import { openRecords } from './records-source.ts';
import { type Fact, facts } from './terminal-text.ts';

export interface Answer {
  readonly text: (width: number) => string;
  readonly json: object;
  readonly csv?: CsvTable;
  readonly exitCode: ExitCode;
}

const leastWidth = 80;
const progressEveryMs = 1000;

export async function answer(
  options: Options,
  surroundings: Surroundings,
  ask: (records: TrailRecords) => Promise<Answer>,
): Promise<ExitCode> {
  const { out, error, now, width = leastWidth } = surroundings;
  const columns = Math.max(width, leastWidth);
  const records = await openRecords(options, now);
  try {
    const { text, json, csv: csvTable, exitCode } = await ask(withProgress(records, surroundings));
    const covers = limited(await records.coverage(), options);
    if (options.format === 'json') out(`${JSON.stringify({ ...json, covers })}\n`);
    else if (options.format === 'csv' && csvTable !== undefined) {
      out(csv(csvTable));
      error(coverageText(covers, options, columns));
    } else out(`${text(columns)}\n${coverageText(covers, options, columns)}`);
    return exitCode;
  } finally {
    records.close();
  }
}

/** With what was asked for and is not covered. */
function limited({ from, to, incomplete }: Coverage, { since, at }: Options): Coverage {
  if (from === undefined || to === undefined) return {};
  const first = (since ?? at)?.toISOString();
  const limits = [
    ...(first !== undefined && first < from ? [`there is nothing from before ${from}`] : []),
    ...(first !== undefined && first > to ? [`there is nothing from after ${to}`] : []),
    ...(incomplete === undefined ? [] : [incomplete]),
  ];
  return { from, to, ...(limits.length === 0 ? {} : { incomplete: limits.join('; ') }) };
}

function coverageText({ from, to, incomplete }: Coverage, { since, until }: Options, width: number): string {
  if (from === undefined || to === undefined) return 'the trail has no records\n';
  const asked = [...(since ? [`since ${since.toISOString()}`] : []), ...(until ? [`before ${until.toISOString()}`] : [])];
  return facts(
    [
      ['records', `from ${from} to ${to}${asked.length > 0 ? `, asked ${asked.join(' and ')}` : ''}`],
      ...(incomplete === undefined ? [] : [['NOT COMPLETE', incomplete] satisfies Fact]),
    ],
    width,
  );
}

/** Long reads say how far they are. */
function withProgress(records: TrailRecords, { error, elapsed }: Surroundings): TrailRecords {
  let told = elapsed();
  let read = 0;
  return {
    ...records,
    read: (query) => {
      const { where = () => true } = query;
      return records.read({
        ...query,
        where(record) {
          read += 1;
          if (elapsed() - told >= progressEveryMs) {
            told = elapsed();
            error(`${read} records read, at ${plain(record.unmapped.times.recordedAt)}\n`);
          }
          return where(record);
        },
      });
    },
  };
}
