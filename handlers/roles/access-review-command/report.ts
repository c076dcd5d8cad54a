/** What the command prints. */
import { endingSoonDays, grantStates } from '../access-review.ts';
import type { ReviewOutcome } from '../review-access/review-access.ts';

const says: Readonly<Record<(typeof grantStates)[number], string>> = {
  held: 'held as decided',
  pending: 'on their way',
  missing: 'missing at the target',
  ending: 'being ended',
  staged: 'end held back by a guard',
  extra: 'granted by nobody',
};

export function summary(
  { report, sha256, counts, files }: Extract<ReviewOutcome, { state: 'completed' }>,
  written: readonly string[],
): string {
  const rows: readonly (readonly [string, number])[] = [
    ['people decided on', counts.principals],
    ['people who hold something', counts.holders],
    ['grants', counts.grants],
    ...grantStates.map((state) => [`  ${says[state]}`, counts[state]] as const),
    [`to look at (ends within ${endingSoonDays} days among them)`, counts.exceptions],
    ['orphaned accounts', counts.orphans],
    ['other differences at targets', counts.differences - counts.orphans],
  ];
  const [words, digits] = [Math.max(...rows.map(([text]) => text.length)), Math.max(...rows.map(([, count]) => String(count).length))];
  return [
    ...rows.map(([text, count]) => `${text.padEnd(words)}  ${String(count).padStart(digits)}`),
    '',
    `report  ${report}`,
    `sha256  ${sha256}`,
    ...(written.length === 0 ? files : written).map((file) => `        ${file}`),
    '',
  ].join('\n');
}
