/** Waiting that ends early when what waits is stopped. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

/** A promise, or undefined when the wait for it is stopped: how it ends concerns nobody then. */
export function orStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) {
    // A rejection that nobody handles would end the process, and hide why it stops.
    promise.catch(() => undefined);
    return Promise.resolve(undefined);
  }
  return new Promise((resolve, reject) => {
    const stopped = () => resolve(undefined);
    signal.addEventListener('abort', stopped);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped));
  });
}

/** How often and how far apart Lambda repeats its own failing calls is not documented. */
const attempts = 5;
const delayMs = 100;

/** Repeats a call that fails. @throws the error of the last attempt */
export async function persistently<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (let left = attempts - 1; ; left -= 1) {
    try {
      return await call();
    } catch (error) {
      if (left === 0 || signal.aborted) throw error;
      await pause(delayMs, signal);
    }
  }
}
