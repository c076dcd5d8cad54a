/** Filter criteria of event source mappings: a record passes when one of the patterns matches, or when there is none. */
import { compilePattern, matchesEvent } from '../aws/event-pattern.ts';

/** @throws InvalidEventPatternError for a pattern that AWS rejects */
export function recordFilter(patterns: readonly string[]): (record: unknown) => boolean {
  const compiled = patterns.map(compilePattern);
  return (record) => compiled.length === 0 || compiled.some((pattern) => matchesEvent(pattern, record));
}
