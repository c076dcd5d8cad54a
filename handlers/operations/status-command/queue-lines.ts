/** Whether messages move: what waits for too long, and what was given up. */
import { attention, broken, count, type Line, linesOf, ok, pages, span } from './line.ts';
import type { QueueReading, Reading } from './readings.ts';

/** A message is tried again for half an hour; one that is older than this has failed some times. */
const slowSeconds = 300;
const stuckSeconds = 1800;

const isDeadLetters = ({ name }: QueueReading): boolean => /(?:-dead-letters|-undeliverable(?:-dead-letters)?)(?:\.fifo)?$/.test(name);

export const queueLines = (queues: Reading<readonly QueueReading[]>): readonly Line[] =>
  linesOf('queues', queues, (all) => [...waiting(all.filter((queue) => !isDeadLetters(queue))), ...dead(all.filter(isDeadLetters))]);

function waiting(queues: readonly QueueReading[]): readonly Line[] {
  const late = queues.filter(({ messages, ageSeconds = 0 }) => messages > 0 && ageSeconds > slowSeconds);
  const lines = late.map(({ name, messages, ageSeconds = 0 }) => {
    const fact = `${count(messages, 'message')}, the oldest for ${span(ageSeconds)}`;
    // What waits before a target waits for the target, as a rule.
    const page = /-sync-roles-/.test(name) ? pages.targetDown : pages.deadLetterQueue;
    return ageSeconds > stuckSeconds ? broken(`queue ${name}`, fact, page) : attention(`queue ${name}`, fact, page);
  });
  const messages = queues.filter((queue) => !late.includes(queue)).reduce((sum, queue) => sum + queue.messages, 0);
  return [...lines, ok('queues', `${count(messages, 'message')} on the way in ${count(queues.length - late.length, 'queue')}`)];
}

function dead(queues: readonly QueueReading[]): readonly Line[] {
  const full = queues.filter(({ messages }) => messages > 0);
  if (full.length === 0) return [ok('dead letters', `none in ${count(queues.length, 'queue')}`)];
  return full.map(({ name, messages }) => broken(`dead letters ${name}`, count(messages, 'message'), pages.deadLetterQueue));
}
