/** One line of the status: what it is about, whether it is well, one fact, and what to open when it is not. */
import type { Reading } from './readings.ts';

/** `unknown`: it could not be read, which is not well. */
export type LineStatus = 'broken' | 'attention' | 'unknown' | 'ok';

const runbooks = 'docs/runbooks';

/** Pages by what they are about. */
export const pages = {
  directoryUnreachable: `${runbooks}/directory-unreachable.md`,
  guardTripped: `${runbooks}/guard-tripped.md`,
  deadLetterQueue: `${runbooks}/dead-letter-queue.md`,
  cursorReset: `${runbooks}/cursor-reset.md`,
  rotationFailed: `${runbooks}/rotation-failed.md`,
  targetDown: `${runbooks}/target-down.md`,
  deletedOu: `${runbooks}/deleted-ou.md`,
  breakGlass: `${runbooks}/break-glass.md`,
  auditTrailBroken: `${runbooks}/audit-trail-broken.md`,
  index: `${runbooks}/README.md`,
  drift: 'docs/roles-and-targets.md',
} as const;

export type Page = (typeof pages)[keyof typeof pages];

export interface Line {
  readonly status: LineStatus;
  readonly of: string;
  readonly fact: string;
  /** The page to open; undefined where all is well. */
  readonly page?: Page | undefined;
}

export const ok = (of: string, fact: string): Line => ({ status: 'ok', of, fact });
export const attention = (of: string, fact: string, page: Page): Line => ({ status: 'attention', of, fact, page });
export const broken = (of: string, fact: string, page: Page): Line => ({ status: 'broken', of, fact, page });

/** The lines of what was read, or the one line that says why it was not. */
export const linesOf = <T>(of: string, reading: Reading<T>, tell: (value: T) => readonly Line[]): readonly Line[] =>
  reading.known ? tell(reading.value) : [{ status: 'unknown', of, fact: reading.reason, page: pages.index }];

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

/** A span for people, in its largest unit that fits at least twice: `90 s`, `47 min`, `31 h`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [unit, of] = units.find(([, size]) => whole >= 2 * size) ?? ['s', 1];
  return `${Math.floor(whole / of)} ${unit}`;
}

/** Seconds from then to now; negative for what is to come. */
export const secondsSince = (then: string, now: Date): number => (now.getTime() - Date.parse(then)) / 1000;

export const ago = (then: string, now: Date): string => `${span(secondsSince(then, now))} ago`;
export const until = (then: string, now: Date): string => `in ${span(-secondsSince(then, now))}`;

/** `1 message`, `3 messages` */
export const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
