/** Progress on standard error: one line a step, with the time since the start and the step's own. */

export interface Progress {
  /** Runs a step and prints its line when it is done, or when it fails. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** A line between steps. */
  note(text: string): void;
}

export function progressTo(write: (line: string) => void, now: () => number = () => performance.now()): Progress {
  const start = now();
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const line = (mark: string, text: string, own?: number) =>
    write(`${seconds(now() - start).padStart(9)}  ${mark} ${text}${own === undefined ? '' : `  (${seconds(own)})`}\n`);
  return {
    async step(title, work) {
      const began = now();
      try {
        const result = await work();
        line('✓', title, now() - began);
        return result;
      } catch (error) {
        line('✗', title, now() - began);
        throw error;
      }
    },
    note: (text) => line('·', text),
  };
}
