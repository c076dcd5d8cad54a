import { expect, test } from 'vitest';
import { credentialOf, credentialStoreContract } from './credential-store-contract.ts';
import { memoryStore } from './memory-store.ts';

async function open() {
  const store = memoryStore();
  return {
    open: () => store,
    putByHand: async (value: unknown) => {
      store.putByHand(value);
    },
    consumed: async () => (await store.current())?.credential,
  };
}

credentialStoreContract('in memory', open, { calls: false });

test('GIVEN a rotation that was only announced THEN its version is pending without a value', async () => {
  const store = memoryStore(credentialOf('old'));
  store.startRotation('announced');
  expect(await store.pending()).toBe('announced');
  expect(await store.read('announced')).toBeUndefined();
});
