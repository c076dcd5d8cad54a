/** The trail's signing key in KMS. Its private half never leaves KMS; close-audit alone may sign with it. */
import { type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { type Digest, signedText } from './digest.ts';

/** @returns the signature, DER (RFC 3279 section 2.2.3) */
export type SignDigest = (digest: Digest) => Promise<Uint8Array>;

export const digestSigner =
  (client: KMSClient, KeyId: string): SignDigest =>
  async (digest) => {
    const { Signature } = await client.send(
      new SignCommand({ KeyId, MessageType: 'RAW', SigningAlgorithm: 'ECDSA_SHA_256', Message: Buffer.from(signedText(digest), 'utf8') }),
    );
    if (Signature === undefined) throw new Error(`kms gave no signature for key ${KeyId}: try again`);
    return Signature;
  };
