/** What each action of the command is made of. */
import type { ExitCode } from './exit-codes.ts';
import type { OptionName, Options } from './options.ts';

export interface Surroundings {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Monotonic, in milliseconds: progress is told once a second at most. */
  readonly elapsed: () => number;
  readonly now: () => Date;
  /** Columns of the terminal. @default 80 */
  readonly width?: number | undefined;
}

export interface Action {
  /** Options that it takes besides those that say which trail is read. */
  readonly takes: readonly OptionName[];
  /** Of those, which have to be there: one of each list. */
  readonly needs?: readonly (readonly OptionName[])[];
  readonly run: (options: Options, surroundings: Surroundings) => Promise<ExitCode>;
}
