/** Values after apply, as far as they are known: what a plan leaves open is filled in from the configuration and its references. */

export type Json = null | boolean | number | string | readonly Json[] | Values;
export interface Values {
  readonly [name: string]: Json;
}

/** Stands for a value of which the plan shows nothing. */
export const unknownText = '(known after apply)';

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Text of an attribute or of a path into it, `environment.0.variables.TARGET`; undefined where there is none. */
export function textAt(values: Values | undefined, path: string): string | undefined {
  const found = valueAt(values, path);
  return typeof found === 'string' && found !== '' && found !== unknownText ? found : undefined;
}

export function numberAt(values: Values | undefined, path: string): number | undefined {
  const found = valueAt(values, path);
  return typeof found === 'number' ? found : undefined;
}

export function valueAt(values: Values | undefined, path: string): Json | undefined {
  let found: Json | undefined = values;
  for (const step of path.split('.')) {
    if (Array.isArray(found)) found = found[Number(step)];
    else if (isRecord(found)) found = found[step] as Json | undefined;
    else return undefined;
  }
  return found;
}

/** JSON in a text, undefined where it is none. */
export function jsonIn(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is told by whoever wanted it to be.
    return undefined;
  }
}

interface ReadChange {
  readonly address: string;
  readonly change: { readonly after?: unknown; readonly after_sensitive?: unknown };
}

/** Looks up what `type.name.attribute` will be: its text in the plan, undefined where only the apply tells or nobody is to be told. */
export function referenceReader(changes: readonly ReadChange[]): (reference: string) => string | undefined {
  const byAddress = new Map(changes.map(({ address, change }) => [address, change]));
  return (reference) => {
    const [, address = '', attribute = ''] = /^([\w-]+\.[\w-]+)\.(\w+)$/.exec(reference) ?? [];
    const { after, after_sensitive: sensitive } = byAddress.get(address) ?? {};
    if (sensitive === true || (isRecord(sensitive) && sensitive[attribute])) return undefined;
    const found = isRecord(after) ? after[attribute] : undefined;
    return typeof found === 'string' ? found : undefined;
  };
}

/**
 * The planned values, with what is unknown filled in from the configuration, which of a `.tf.json` file, as cdktf writes it, shows whole
 * texts with their references: `${aws_sqs_queue.x.arn}` becomes the ARN where the plan knows it, and stays `‹aws_sqs_queue.x.arn›` where not.
 */
export function knownValues(
  after: Values,
  unknown: unknown,
  expressions: unknown,
  read: (reference: string) => string | undefined,
): Values {
  return filled(after, unknown, expressions, read) as Values;
}

function filled(value: Json | undefined, unknown: unknown, expression: unknown, read: (reference: string) => string | undefined): Json {
  if (unknown === true) {
    const constant = isRecord(expression) ? expression.constant_value : undefined;
    return constant === undefined ? unknownText : resolved(constant as Json, read);
  }
  if (Array.isArray(unknown)) {
    const items = Array.isArray(value) ? value : [];
    const of = (index: number) => (Array.isArray(expression) ? expression[index] : undefined);
    return Array.from({ length: Math.max(items.length, unknown.length) }, (_, index) =>
      filled(items[index], unknown[index], of(index), read),
    );
  }
  if (isRecord(unknown)) {
    const fields = isRecord(value) ? (value as Values) : {};
    const of = (name: string) => {
      if (!isRecord(expression)) return undefined;
      const inner = isRecord(expression.constant_value) ? { constant_value: expression.constant_value[name] } : undefined;
      return expression[name] ?? inner;
    };
    const names = [...new Set([...Object.keys(fields), ...Object.keys(unknown)])];
    return Object.fromEntries(names.map((name) => [name, filled(fields[name], unknown[name], of(name), read)]));
  }
  return value ?? null;
}

/** Text of a template with its references read; `$${` and `%%{` stand for themselves there. */
function resolved(value: Json, read: (reference: string) => string | undefined): Json {
  if (typeof value === 'string') {
    return value.replace(/([$%])\1\{|\$\{([^}]*)\}/g, (_, escaped: string | undefined, reference: string | undefined) =>
      escaped ? `${escaped}{` : (read(reference ?? '') ?? `‹${reference}›`),
    );
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, read));
  if (isRecord(value)) return Object.fromEntries(Object.entries(value as Values).map(([name, item]) => [name, resolved(item, read)]));
  return value;
}
