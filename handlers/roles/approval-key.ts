/** The environment's approval key in KMS. Its private half never leaves KMS: who may sign with it is an approver. */
import { type KMSClient, KMSInvalidSignatureException, SignCommand, VerifyCommand } from '@aws-sdk/client-kms';
import { decisionText, type GuardDecision } from './guard-decision.ts';

const signing = { MessageType: 'RAW', SigningAlgorithm: 'ECDSA_SHA_256' } as const;

const messageOf = (decision: GuardDecision): Uint8Array => Buffer.from(decisionText(decision), 'utf8');

/** @returns whether the signature is the key's, over this very decision @throws what keeps KMS from saying so */
export type Verify = (decision: GuardDecision, signature: Uint8Array) => Promise<boolean>;

export const kmsVerifier =
  (client: KMSClient, KeyId: string): Verify =>
  async (decision, Signature) => {
    try {
      const { SignatureValid } = await client.send(new VerifyCommand({ KeyId, ...signing, Message: messageOf(decision), Signature }));
      return SignatureValid === true;
    } catch (error) {
      if (error instanceof KMSInvalidSignatureException) return false;
      throw error;
    }
  };

/** @returns the signature, DER (RFC 3279 section 2.2.3) */
export const kmsTextSigner =
  (client: KMSClient, KeyId: string) =>
  async (text: string): Promise<Uint8Array> => {
    const { Signature } = await client.send(new SignCommand({ KeyId, ...signing, Message: Buffer.from(text, 'utf8') }));
    if (Signature === undefined) throw new Error(`kms gave no signature for key ${KeyId}: try again`);
    return Signature;
  };

export const kmsSigner = (client: KMSClient, KeyId: string) => {
  const sign = kmsTextSigner(client, KeyId);
  return (decision: GuardDecision): Promise<Uint8Array> => sign(decisionText(decision));
};
