/** Settings whose value may be known only at the apply. */
import * as v from 'valibot';

/** A value that only the apply knows: an interpolation that the synthesized JSON carries. */
export const unresolved = /[$#]\{.*\}/;

/** Text of a format, where it is known. */
export const known = (format: RegExp, remedy: string) =>
  v.pipe(
    v.string(),
    v.check(
      (value) => unresolved.test(value) || format.test(value),
      ({ input }) => `"${input}": ${remedy}`,
    ),
  );
