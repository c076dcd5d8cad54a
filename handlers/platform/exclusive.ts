/** One at a time: work for the same key waits for the one before, whatever came of that. */
export type Exclusive = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export function exclusive(): Exclusive {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const run = (last.get(key) ?? Promise.resolve()).then(work, work);
    last.set(key, run);
    const forget = () => {
      if (last.get(key) === run) last.delete(key);
    };
    run.then(forget, forget);
    return run;
  };
}
