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

/** A promise, or the end of waiting for it. */
export function orStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const stopped = () => resolve(undefined);
    signal.addEventListener('abort', stopped);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped));
  });
}
