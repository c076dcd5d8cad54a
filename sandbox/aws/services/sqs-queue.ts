import { randomBytes, randomUUID } from 'node:crypto';
import type { MessageAttribute } from './sqs-message.ts';

export interface Message {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly senderId: string;
  readonly sentAt: number;
  readonly groupId?: string;
  readonly deduplicationId?: string;
  readonly sequenceNumber?: string;
  readonly traceHeader?: string;
  readonly deadLetterSourceArn?: string;
  visibleAt: number;
  receiveCount: number;
  firstReceivedAt?: number;
  receiptHandle?: string;
}

export type NewMessage = Pick<Message, 'body' | 'attributes' | 'senderId' | 'groupId' | 'deduplicationId' | 'traceHeader'>;

export interface ReceiveRequest {
  readonly maximum: number;
  readonly visibilityMs: () => number;
  readonly waitMs: number;
  /** Where a message goes that was received too often, and how often that is. */
  readonly redrive?: { readonly maxReceiveCount: number; readonly move: (message: Message) => void };
}

const deduplicationMs = 5 * 60_000;

/**
 * The messages of one queue: visibility, order within a group and deduplication (SQS Developer Guide, "FIFO queue delivery logic"),
 * and long polling by wake-ups instead of a loop.
 */
export class MessageStore {
  private readonly fifo: boolean;
  private messages: Message[] = [];
  private sequence = 0n;
  private closed = false;
  private readonly waiting = new Set<() => void>();
  private readonly recent = new Map<string, { at: number; message: Message }>();

  constructor(fifo: boolean) {
    this.fifo = fifo;
  }

  send(content: NewMessage, delayMs: number): Message {
    const now = Date.now();
    if (content.deduplicationId !== undefined) {
      const seen = this.recent.get(content.deduplicationId);
      if (seen && now - seen.at < deduplicationMs) return seen.message;
    }
    this.sequence += 1n;
    const message: Message = {
      ...content,
      id: randomUUID(),
      sentAt: now,
      visibleAt: now + delayMs,
      receiveCount: 0,
      ...(this.fifo ? { sequenceNumber: (18_000_000_000_000_000_000n + this.sequence).toString() } : {}),
    };
    if (content.deduplicationId !== undefined) this.recent.set(content.deduplicationId, { at: now, message });
    this.messages.push(message);
    this.wake();
    return message;
  }

  /** Takes a message over from another queue (redrive): it keeps its id, and its time unless the queue is FIFO. */
  adopt(message: Message, sourceArn: string): void {
    const { receiptHandle: _handle, firstReceivedAt: _first, ...rest } = message;
    this.messages.push({ ...rest, visibleAt: 0, receiveCount: 0, deadLetterSourceArn: sourceArn });
    this.wake();
  }

  /** Gives up what belongs back to another queue (a message move task), in order; what is being worked on stays. */
  giveUp(destinationOf: (message: Message) => MessageStore | undefined): number {
    const moving = this.messages.filter((message) => message.visibleAt <= Date.now() && destinationOf(message) !== undefined);
    this.messages = this.messages.filter((message) => !moving.includes(message));
    for (const message of moving) destinationOf(message)?.takeBack(message);
    return moving.length;
  }

  private takeBack({ deadLetterSourceArn: _source, receiptHandle: _handle, firstReceivedAt: _first, ...message }: Message): void {
    this.messages.push({ ...message, visibleAt: 0, receiveCount: 0 });
    this.wake();
  }

  async receive(request: ReceiveRequest): Promise<Message[]> {
    const deadline = Date.now() + request.waitMs;
    for (;;) {
      const taken = this.take(request);
      const now = Date.now();
      if (taken.length > 0 || now >= deadline || this.closed) return taken;
      await this.sleepUntil(Math.min(deadline, this.nextVisibleAt(now)));
    }
  }

  delete(receiptHandle: string): boolean {
    const before = this.messages.length;
    this.messages = this.messages.filter((message) => message.receiptHandle !== receiptHandle);
    if (this.messages.length < before) this.wake(); // the next message of the group may go
    return this.messages.length < before;
  }

  inFlight(receiptHandle: string): Message | undefined {
    return this.messages.find((message) => message.receiptHandle === receiptHandle && message.visibleAt > Date.now());
  }

  changeVisibility(message: Message, visibilityMs: number): void {
    message.visibleAt = Date.now() + visibilityMs;
    this.wake();
  }

  expire(retentionMs: number): void {
    const oldest = Date.now() - retentionMs;
    if (this.messages.some((message) => message.sentAt < oldest))
      this.messages = this.messages.filter((message) => message.sentAt >= oldest);
    for (const [id, { at }] of this.recent) if (at < Date.now() - deduplicationMs) this.recent.delete(id);
  }

  purge(): void {
    this.messages = [];
  }

  counts(): { visible: number; inFlight: number; delayed: number } {
    const now = Date.now();
    const hidden = this.messages.filter((message) => message.visibleAt > now);
    const delayed = hidden.filter((message) => message.receiveCount === 0).length;
    return { visible: this.messages.length - hidden.length, inFlight: hidden.length - delayed, delayed };
  }

  close(): void {
    this.closed = true;
    this.wake();
  }

  private take({ maximum, visibilityMs, redrive }: ReceiveRequest): Message[] {
    const now = Date.now();
    const blocked = new Set<string>();
    const taken: Message[] = [];
    const moved = new Set<Message>();
    for (const message of this.messages) {
      if (taken.length === maximum) break;
      if (message.visibleAt > now) {
        if (this.fifo && message.groupId !== undefined) blocked.add(message.groupId);
        continue;
      }
      if (this.fifo && message.groupId !== undefined && blocked.has(message.groupId)) continue;
      if (redrive && message.receiveCount >= redrive.maxReceiveCount) {
        moved.add(message);
        continue;
      }
      message.receiveCount += 1;
      message.firstReceivedAt ??= now;
      message.visibleAt = now + visibilityMs();
      message.receiptHandle = randomBytes(96).toString('base64');
      taken.push(message);
    }
    if (moved.size > 0) {
      this.messages = this.messages.filter((message) => !moved.has(message));
      for (const message of moved) redrive?.move(message);
    }
    return taken.map((message) => ({ ...message }));
  }

  private nextVisibleAt(now: number): number {
    return this.messages.reduce(
      (earliest, message) => (message.visibleAt > now ? Math.min(earliest, message.visibleAt) : earliest),
      Infinity,
    );
  }

  private sleepUntil(at: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, at - Date.now()) + 1);
      this.waiting.add(done);
    });
  }

  private wake(): void {
    for (const resume of [...this.waiting]) resume();
  }
}
