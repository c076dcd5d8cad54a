/** Ports whose calls a test counts, interrupts or uses as the moment for something else to happen. */

/** Runs around every call, which is the `number`-th of all, from 1. What it throws, the caller gets. */
export interface CallWatch {
  before?(number: number, name: string): Promise<void> | void;
  after?(number: number, name: string): Promise<void> | void;
}

/** The process ended here. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** Ends the process after the call with this number: its effect is there, its answer never arrives, and no call comes after it. */
export const killedAfter = (kill: number): CallWatch => ({
  before: (number) => {
    if (number > kill) throw new Killed(`before call ${number}`);
  },
  after: (number) => {
    if (number >= kill) throw new Killed(`after call ${number}`);
  },
});

/** @returns what wraps ports: the calls of all that one watch wraps are numbered together */
export function watching(watch: CallWatch): {
  readonly calls: () => number;
  wrap<T extends object>(ports: T, names?: readonly (keyof T)[]): T;
} {
  let calls = 0;
  return {
    calls: () => calls,
    wrap(ports, names) {
      const watched = (name: string, port: unknown): unknown => {
        if (typeof port !== 'function') return port;
        return async (...args: unknown[]) => {
          calls += 1;
          const number = calls;
          await watch.before?.(number, name);
          const answer: unknown = await Reflect.apply(port, ports, args);
          await watch.after?.(number, name);
          return answer;
        };
      };
      const entries = Object.entries(ports).map(([name, port]) => [
        name,
        names === undefined || names.includes(name as keyof typeof ports) ? watched(name, port) : port,
      ]);
      return Object.fromEntries(entries) as typeof ports;
    },
  };
}
