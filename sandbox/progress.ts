/** Progress on standard error: one line a step, with the time since the start and the step's own. */

export interface Progress {
  /** Runs a step and prints its line when it is done, or when it fails. An error that ends several steps is told of the first one. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** A line between steps. */
  note(text: string): void;
  /** Prints nothing more: what ends from here on was ended. */
  mute(): void;
}

export function progressTo(write: (line: string) => void, now: () => number = () => performance.now()): Progress {
  const start = now();
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  let muted = false;
  const line = (mark: string, text: string, own?: number) => {
    if (muted) return;
    write(`${seconds(now() - start).padStart(9)}  ${mark} ${text}${own === undefined ? '' : `  (${seconds(own)})`}\n`);
  };
  let told: unknown;
  return {
    async step(title, work) {
      const began = now();
      try {
        const result = await work();
        line('✓', title, now() - began);
        return result;
      } catch (error) {
        // A terminal's Ctrl-C ends our child processes too, and their end may be seen before the signal to us.
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (error !== told) line('✗', title, now() - began);
        told = error;
        throw error;
      }
    },
    note: (text) => line('·', text),
    mute: () => {
      muted = true;
    },
  };
}
