/** Actor hints in memory, for tests of the core. They are held to the same contract as those in DynamoDB. */
import { type ActorHint, type ActorHints, canonicalSubject } from '../../../handlers/directory/security-log/actor-hints.ts';

export function memoryActorHints(): ActorHints & { all(): readonly ActorHint[] } {
  const hints = new Map<string, ActorHint>();
  return {
    all: () => [...hints.values()],
    async keep(more) {
      for (const hint of more) {
        hints.set([canonicalSubject(hint.subject), hint.at, hint.computer, hint.recordId].join('\n'), structuredClone(hint));
      }
    },
    async about(subjects, since) {
      const wanted = new Set(subjects.map(canonicalSubject));
      const from = new Date(since).toISOString();
      return structuredClone([...hints.values()].filter(({ subject, at }) => wanted.has(canonicalSubject(subject)) && at >= from));
    },
  };
}
