/**
 * An event as its leaves: each scalar with its dotted path and the array elements it lies in. EventBridge compares dotted paths, so
 * `{"a": {"b": 1}}` and `{"a.b": 1}` are the same event, and two fields of a pattern match only within the same element of an array
 * (event-ruler README, "Matching in arrays").
 */

import type { JsonNode } from '../json-text.ts';
import type { Leaf } from './condition.ts';

/** For each array that holds the leaf, by the array's identity, the index of the element that does. */
export type Placement = ReadonlyMap<JsonNode, number>;
export interface PlacedLeaf {
  readonly leaf: Leaf;
  readonly placement: Placement;
}

export type EventLeaves = ReadonlyMap<string, readonly PlacedLeaf[]>;

export function leavesOf(event: JsonNode): EventLeaves {
  const leaves = new Map<string, PlacedLeaf[]>();
  const visit = (node: JsonNode, path: string, placement: Placement): void => {
    if (node.kind === 'object') {
      for (const [name, value] of node.members) visit(value, path === '' ? name : `${path}.${name}`, placement);
    } else if (node.kind === 'array') {
      node.items.forEach((item, index) => {
        visit(item, path, new Map([...placement, [node, index]]));
      });
    } else {
      const placed = { leaf: node, placement };
      const others = leaves.get(path);
      if (others) others.push(placed);
      else leaves.set(path, [placed]);
    }
  };
  visit(event, '', new Map());
  return leaves;
}

/** The two placements together, or undefined when they lie in different elements of one array. */
export function together(one: Placement, other: Placement): Placement | undefined {
  for (const [array, index] of other) {
    if ((one.get(array) ?? index) !== index) return undefined;
  }
  return new Map([...one, ...other]);
}
