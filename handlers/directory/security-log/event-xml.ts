/** Windows events as XML text: finding them in a message, and reading one of them strictly. */
import { SaxesParser } from 'saxes';

/** What a message holds besides events we read, and why it was dropped. */
export const dropKinds = ['not-an-event', 'other-event-id', 'cut-off', 'too-large', 'hostile', 'malformed'] as const;
export type DropKind = (typeof dropKinds)[number];
export type Dropped = Record<DropKind, number>;

export const nothingDropped = (): Dropped => Object.fromEntries(dropKinds.map((kind) => [kind, 0])) as Dropped;

/** Bytes of one event. Windows' own are a few KiB. */
export const maximumEventBytes = 64 * 1024;
/** Levels of elements, `Event` being the first. Windows' own have four. */
export const maximumDepth = 16;

/** An event that is not read, and the reason it counts under. */
export class DroppedEventError extends Error {
  override readonly name = 'DroppedEventError';
  readonly kind: DropKind;
  constructor(kind: DropKind) {
    super(`the event is dropped: ${kind}`);
    this.kind = kind;
  }
}

/**
 * The places that decide where an event begins and ends. Every alternative stops at the next `<`, so the search is linear.
 * A processing instruction without `<` hides nothing (an XML declaration is one of them); `<!` and any other `<?` may.
 */
const landmark = /<(?:Event(?=[\s/>])|\/Event\s*>|!|\?(?:[^<>]*\?>)?)/g;

interface Opening {
  readonly at: number;
  /** How many whole events were found before it. */
  readonly foundBefore: number;
  /** Another event opens in it: it was cut off there, or, if it has an end all the same, it is no event of Windows'. */
  interrupted: boolean;
}

/**
 * Finds the whole events of a message, in order; text around them is passed over. Every opening is either found, or counted once.
 *
 * An opening before the last one has ended means that the former was cut off. One that has its end nevertheless encloses the events in
 * it: they are somebody's words in a field that was not escaped, and are not believed. From `<!` on (DOCTYPE, CDATA, comment) nothing is
 * read, as it may hide where events begin and end; Windows writes none of these.
 */
export function findEvents(message: string): { readonly events: readonly string[]; readonly dropped: Dropped } {
  const dropped = nothingDropped();
  const events: string[] = [];
  const open: Opening[] = [];
  let sawLandmark = false;
  for (const { 0: found, index } of message.matchAll(landmark)) {
    if (found.endsWith('?>')) continue;
    if (found === '<Event') {
      const interrupted = open.at(-1);
      if (interrupted) interrupted.interrupted = true;
      open.push({ at: index, foundBefore: events.length, interrupted: false });
      sawLandmark = true;
      continue;
    }
    const opening = open.pop();
    if (!found.startsWith('</')) {
      dropped.hostile += 1 + events.splice(opening?.foundBefore ?? events.length).length;
      sawLandmark = true;
      break;
    }
    // An end without a beginning: the rest of an event that was cut off before this message.
    if (!opening) continue;
    const text = message.slice(opening.at, index + found.length);
    if (opening.interrupted) dropped.hostile += 1 + events.splice(opening.foundBefore).length;
    else if (Buffer.byteLength(text) > maximumEventBytes) dropped['too-large'] += 1;
    else events.push(text);
  }
  dropped['cut-off'] += open.length;
  if (!sawLandmark) dropped['not-an-event'] += 1;
  return { events, dropped };
}

/** A reference to an entity that a DOCTYPE would have to define; without one there are five (XML 1.0, section 4.6) and the numeric ones. */
const definedEntity = /&(?!(?:amp|lt|gt|apos|quot);)[A-Za-z_:][\w.:-]*;/;

/**
 * Reads what `System` and `EventData` hold. Keys are `System/<element>`, `System/<element>@<attribute>` and `Data/<Name>`; values are
 * trimmed. `UserData`, `RenderingInfo` and whatever else is passed over.
 *
 * @throws DroppedEventError when it is not well-formed, holds something twice, or tries what no event of Windows does
 */
export function readEventXml(text: string): ReadonlyMap<string, string> {
  if (definedEntity.test(text)) throw new DroppedEventError('hostile');
  const fields = new Map<string, string>();
  const sections = new Set<string>();
  const path: string[] = [];
  let field: string | undefined;

  /** A repeated section or field may be one event's head with another's tail. */
  const once = (names: { has(name: string): boolean }, name: string) => {
    if (names.has(name)) throw new DroppedEventError('malformed');
    return name;
  };

  const parser = new SaxesParser({ position: false });
  parser.on('error', () => {
    throw new DroppedEventError('malformed');
  });
  for (const refused of ['doctype', 'cdata', 'comment', 'processinginstruction'] as const) {
    parser.on(refused, () => {
      throw new DroppedEventError('hostile');
    });
  }
  parser.on('opentag', ({ name, attributes }) => {
    if (path.push(name) > maximumDepth) throw new DroppedEventError('hostile');
    // A value is text: an element in it is text that somebody failed to escape.
    if (field !== undefined) throw new DroppedEventError('malformed');
    const [, section] = path;
    if (path.length === 2) sections.add(once(sections, name));
    if (path.length !== 3) return;
    if (section === 'System') {
      field = once(fields, `System/${name}`);
      for (const [attribute, value] of Object.entries(attributes)) fields.set(`System/${name}@${attribute}`, value.trim());
    } else if (section === 'EventData' && name === 'Data' && attributes.Name !== undefined) {
      field = once(fields, `Data/${attributes.Name}`);
    }
    if (field !== undefined) fields.set(field, '');
  });
  parser.on('text', (value) => {
    if (field !== undefined) fields.set(field, value.trim());
  });
  parser.on('closetag', () => {
    path.pop();
    field = undefined;
  });
  parser.write(text).close();
  return fields;
}
