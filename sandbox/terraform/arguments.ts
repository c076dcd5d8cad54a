/**
 * Reading a block's resolved arguments, and accounting for each: an argument that nobody read and nobody declared to be without effect
 * is refused, so that nothing in the plan can be overlooked by the sandbox.
 */
import { asObject, type Json, type JsonObject } from './template.ts';

export class Arguments {
  readonly address: string;
  readonly #values: JsonObject;
  readonly #read = new Set<string>();
  readonly #nested: Arguments[] = [];

  constructor(address: string, values: JsonObject) {
    this.address = address;
    this.#values = values;
  }

  text(name: string): string {
    return this.optionalText(name) ?? this.#fail(name, 'is missing');
  }

  optionalText(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    return this.#fail(name, `is no text: ${JSON.stringify(value)}`);
  }

  number(name: string, otherwise: number): number;
  number(name: string): number | undefined;
  number(name: string, otherwise?: number): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return otherwise;
    const number = typeof value === 'boolean' || value === '' ? Number.NaN : Number(value);
    return Number.isFinite(number) ? number : this.#fail(name, `is no number: ${JSON.stringify(value)}`);
  }

  flag(name: string, otherwise = false): boolean {
    const value = this.#take(name);
    if (value === undefined) return otherwise;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    return this.#fail(name, `is neither true nor false: ${JSON.stringify(value)}`);
  }

  texts(name: string): readonly string[] {
    const value = this.#take(name) ?? [];
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) return this.#fail(name, 'is no list of texts');
    return value;
  }

  textMap(name: string): Readonly<Record<string, string>> {
    const values = asObject(this.#take(name) ?? {}, `${this.address}: ${name}`);
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
  }

  /** Text that holds JSON, such as a policy. */
  json(name: string): Json | undefined {
    const value = this.optionalText(name);
    if (value === undefined) return undefined;
    try {
      return JSON.parse(value) as Json;
    } catch (cause) {
      throw new Error(`${this.address}: ${name} is no JSON: ${value}`, { cause });
    }
  }

  /** A nested block, which JSON may spell as one object or as a list of them. */
  blocks(name: string): readonly Arguments[] {
    const value = this.#take(name);
    const list: readonly Json[] = value === undefined ? [] : Array.isArray(value) ? value : [value as Json];
    const nested = list.map((item, index) => new Arguments(`${this.address}.${name}[${index}]`, asObject(item, `${this.address}.${name}`)));
    this.#nested.push(...nested);
    return nested;
  }

  block(name: string): Arguments | undefined {
    const [first, ...more] = this.blocks(name);
    if (more.length > 0) return this.#fail(name, 'appears more than once');
    return first;
  }

  /** Declares arguments that change nothing on one machine. */
  withoutEffect(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /** @throws Error naming each argument that was neither read nor declared to be without effect */
  finish(): void {
    const unread = Object.keys(this.#values).filter((name) => !this.#read.has(name));
    if (unread.length > 0) {
      throw new Error(
        `${this.address}: the sandbox does not know ${unread.join(', ')}: follow it in sandbox/terraform/resources, or drop it`,
      );
    }
    for (const nested of this.#nested) nested.finish();
  }

  #take(name: string): Exclude<Json, null> | undefined {
    this.#read.add(name);
    return this.#values[name] ?? undefined;
  }

  #fail(name: string, what: string): never {
    throw new Error(`${this.address}: ${name} ${what}`);
  }
}
