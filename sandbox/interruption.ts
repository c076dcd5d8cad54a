/** Ctrl-C and its relatives as a promise, so that whatever runs can be cleaned up after. */

/** Somebody ended the program. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Rejects at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
export function interruption(): { readonly promise: Promise<never>; done(): void } {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const { promise, reject } = Promise.withResolvers<never>();
  const listen = () => {
    for (const signal of signals) process.off(signal, listen);
    reject(new Interrupted());
  };
  for (const signal of signals) process.on(signal, listen);
  promise.catch(() => {});
  return {
    promise,
    done: () => {
      for (const signal of signals) process.off(signal, listen);
    },
  };
}
