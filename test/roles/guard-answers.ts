/** What the answers of a guard say. */
import type { Admission } from '../../handlers/roles/guard.ts';

/** The guard that held something back. */
export function guardId(answer: Admission): string {
  if (answer.admitted) throw new Error('it was admitted');
  return answer.guard;
}
