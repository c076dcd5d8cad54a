/** How often tests that repeat themselves do so: in every run a part of it, the whole by `THOROUGH=1 npm test`. */
export const thorough = process.env.THOROUGH === '1';

/** Random cases: a third of them, or all. */
export const someOf = (cases: number): number => (thorough ? cases : Math.ceil(cases / 3));
