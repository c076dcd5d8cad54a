/** Text as Terraform reads it: `${` and `%{` in any string begin a template there; doubled, they stand for themselves. */

/** How cdktf marks a value that is known only at apply, inside a string. */
const marker = /\$\{TfToken\[[^\]]+\]\}/g;

/** The text itself, whatever it holds; cdktf's own marks of values that are known only at apply stay what they are. */
export const literal = (text: string): string => text.replace(/[$%](?=\{)(?!\{TfToken\[)/g, '$&$&');

/** Bytes of a text that are known at synth. */
export const knownBytes = (text: string): number => Buffer.byteLength(text.replace(marker, ''));
