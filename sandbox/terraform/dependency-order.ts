/** The order in which blocks are applied: a block comes after everything it refers to or names in `depends_on`. */
import { referencesIn } from './expressions.ts';
import type { Block, Json, JsonObject, Template } from './template.ts';

/** @throws Error for a reference to nothing, and for a cycle, with the way around it */
export function dependencyOrder(template: Template): readonly Block[] {
  const ordered: Block[] = [];
  const done = new Set<string>();
  const visit = (address: string, path: readonly string[]): void => {
    if (done.has(address)) return;
    if (path.includes(address)) throw new Error(`cycle: ${[...path.slice(path.indexOf(address)), address].join(' -> ')}`);
    const block = template.blocks.get(address);
    if (block === undefined) throw new Error(`${path.at(-1)} refers to ${address}, which is not in the stack`);
    for (const dependency of dependenciesOf(block, template)) visit(dependency, [...path, address]);
    done.add(address);
    ordered.push(block);
  };
  for (const address of template.blocks.keys()) visit(address, []);
  return ordered;
}

function dependenciesOf(block: Block, template: Template): readonly string[] {
  return [...new Set([...blocksIn(block.config, template.locals), ...block.dependsOn])];
}

/** Addresses of blocks in a value; those behind a local are followed. */
function blocksIn(value: Json, locals: JsonObject, seen: readonly string[] = []): readonly string[] {
  return referencesIn(value).flatMap(({ address }) => {
    if (address.startsWith('var.')) return [];
    if (!address.startsWith('local.')) return [address];
    if (seen.includes(address)) throw new Error(`cycle: ${[...seen, address].join(' -> ')}`);
    return blocksIn(locals[address.slice('local.'.length)] ?? null, locals, [...seen, address]);
  });
}
