/** Turns of waking in memory, for tests of the core. They are held to the same contract as those in DynamoDB. */
import type { WakeLedger, WakeTurn } from '../../../handlers/directory/security-log/wake.ts';

export function memoryWakeLedger(): WakeLedger {
  const turns = new Map<string, WakeTurn>();
  return {
    read: async (functionName) => turns.get(functionName),
    async write(functionName, turn) {
      const before = turns.get(functionName);
      const follows = (before?.turn ?? 0) === turn.turn - 1;
      const again = before?.turn === turn.turn && before.holder === turn.holder;
      if (follows || again) turns.set(functionName, turn);
      return follows || again;
    },
  };
}
