/** Ctrl-C and its relatives as a signal that whatever runs can listen to. */

/** Somebody ended the program. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Aborts with `Interrupted` at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
export function interruption(): { readonly signal: AbortSignal; done(): void } {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const controller = new AbortController();
  const done = () => {
    for (const name of names) process.off(name, listen);
  };
  const listen = () => {
    done();
    controller.abort(new Interrupted());
  };
  for (const name of names) process.on(name, listen);
  return { signal: controller.signal, done };
}

/** The work's result, or the signal's reason as soon as it aborts; the work itself goes on. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const listen = () => reject(signal.reason);
  signal.addEventListener('abort', listen);
  if (signal.aborted) listen();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', listen);
  }
}
