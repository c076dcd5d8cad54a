/** Asks a person at a terminal. */
import { createInterface } from 'node:readline/promises';
import type { ReadStream, WriteStream } from 'node:tty';

/** @returns what was typed, or undefined where nobody can: there is no terminal, or its input has ended */
export type Confirm = (question: string) => Promise<string | undefined>;

export const confirmOnTerminal =
  (input: ReadStream, output: WriteStream): Confirm =>
  async (question) => {
    if (!input.isTTY) return undefined;
    const lines = createInterface({ input, output });
    try {
      return await lines.question(question, { signal: ended(lines) });
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') return undefined;
      throw error;
    } finally {
      lines.close();
    }
  };

/** Aborts when the person ends the input (Ctrl-D) or interrupts. */
function ended(lines: ReturnType<typeof createInterface>): AbortSignal {
  const controller = new AbortController();
  lines.once('close', () => controller.abort());
  lines.once('SIGINT', () => controller.abort());
  return controller.signal;
}
