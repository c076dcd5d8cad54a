/** Waiting for something to become true, with a message when it does not. */

/** @param read gives the value, or undefined while it is not there @throws Error `<what> did not happen within …` */
export async function until<T>(what: string, read: () => Promise<T | undefined>, timeoutMs = 20_000, everyMs = 20): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
