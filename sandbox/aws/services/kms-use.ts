import type { Authorization, ConditionContext, Surroundings } from '../service.ts';

/**
 * What a call needs on the customer managed key that encrypts its resource, on top of the call's own permission.
 * The key is used by the service in the caller's name, so `kms:ViaService` is set (KMS Developer Guide, "kms:ViaService").
 */
export function keyUse(
  surroundings: Surroundings,
  keyId: string | undefined,
  service: string,
  actions: readonly string[],
  context: ConditionContext,
): readonly Authorization[] {
  if (!keyId || keyId.startsWith('alias/aws/')) return [];
  const key = surroundings.key(keyId);
  return actions.map((action) => ({
    action,
    ...key,
    delegationRequired: true,
    context: {
      'kms:ViaService': `${service}.${surroundings.region}.amazonaws.com`,
      'kms:CallerAccount': surroundings.account,
      ...context,
    },
  }));
}
