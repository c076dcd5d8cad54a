/** Functions that failed lately, and those that a person stopped. */
import { attention, broken, count, type Line, linesOf, ok, pages } from './line.ts';
import { type FunctionsReading, type Reading, recentMinutes } from './readings.ts';

const whyStopped = {
  source: 'is stopped: what invokes it is disabled',
  concurrency: 'is stopped: it may not run at all (reserved concurrency 0)',
} as const;

export const functionLines = (functions: Reading<FunctionsReading>): readonly Line[] =>
  linesOf('functions', functions, ({ all, missing }) => {
    const lines = all.flatMap(({ name, stopped, errors }): readonly Line[] => [
      ...(stopped === undefined ? [] : [attention(`function ${name}`, whyStopped[stopped], pages.breakGlass)]),
      ...(errors === 0
        ? []
        : [attention(`function ${name}`, `${count(errors, 'failure')} in the last ${recentMinutes} min`, pages.deadLetterQueue)]),
    ]);
    const gone = missing.map((name) => broken(`function ${name}`, 'is not there: deploy the environment again', pages.index));
    if (gone.length > 0) return [...gone, ...lines];
    return lines.length > 0 ? lines : [ok('functions', `none of ${all.length} failed in the last ${recentMinutes} min`)];
  });
