/** Hints as a page of changes asks for them: by the object, or by a group and its member. */
import type { ActorHint } from './actor-hints.ts';

interface Named {
  readonly guid: string;
  readonly sid?: string | undefined;
}

/** What the log said last of each action on an object, or on a group's member; undefined when nothing. */
export type HintsAbout = (subject: Named, member?: Named) => readonly ActorHint[] | undefined;

/** Of several hints for one action the latest is kept: a group may have thousands, and each of its edges takes its own. */
export function hintIndex(hints: readonly ActorHint[]): HintsAbout {
  const found = new Map<string, Map<string, ActorHint>>();
  for (const hint of hints) {
    const key = keyOf(hint.subject, hint.member);
    const actions = found.get(key) ?? new Map<string, ActorHint>();
    const known = actions.get(hint.action);
    if (known === undefined || known.at <= hint.at) actions.set(hint.action, hint);
    found.set(key, actions);
  }
  return (subject, member) => {
    const actions = [subject.sid, subject.guid].flatMap((id) => [
      ...(id === undefined ? [] : (found.get(keyOf(id, member?.sid))?.values() ?? [])),
    ]);
    return actions.length === 0 ? undefined : actions;
  };
}

const keyOf = (subject: string, member: string | undefined): string => `${subject}\n${member ?? ''}`;
