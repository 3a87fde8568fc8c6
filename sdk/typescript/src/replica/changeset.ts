/** Gathers what one step of the replica changes, to be written as one. */

import type { Message } from "../model/message.js";
import type { Range } from "../storage/ranges.js";
import type { Changes, ConversationRecord, UserRecord } from "../storage/storage.js";

export class Changeset {
  readonly #conversations = new Map<string, ConversationRecord>();
  readonly #messages: Message[] = [];
  readonly #held: { conversationId: string; range: Range }[] = [];
  readonly #deleted: { conversationId: string; messageIds: readonly string[] }[] = [];
  readonly #cleared: { conversationId: string; seq: number }[] = [];
  readonly #reset: string[] = [];
  user: UserRecord | undefined;

  conversation(record: ConversationRecord): void {
    this.#conversations.set(record.conversationId, record);
  }
  message(message: Message): void {
    this.#messages.push(message);
  }
  held(conversationId: string, range: Range): void {
    if (range[0] <= range[1]) this.#held.push({ conversationId, range });
  }
  deleted(conversationId: string, messageIds: readonly string[]): void {
    this.#deleted.push({ conversationId, messageIds });
  }
  cleared(conversationId: string, seq: number): void {
    this.#cleared.push({ conversationId, seq });
  }
  reset(conversationId: string): void {
    this.#reset.push(conversationId);
  }

  /** What was gathered, without empty parts. */
  finish(): Changes {
    const conversations = [...this.#conversations.values()];
    return {
      ...(this.user === undefined ? {} : { user: this.user }),
      ...(conversations.length === 0 ? {} : { conversations }),
      ...(this.#reset.length === 0 ? {} : { reset: this.#reset }),
      ...(this.#messages.length === 0 ? {} : { messages: this.#messages }),
      ...(this.#held.length === 0 ? {} : { held: this.#held }),
      ...(this.#deleted.length === 0 ? {} : { deleted: this.#deleted }),
      ...(this.#cleared.length === 0 ? {} : { cleared: this.#cleared }),
    };
  }
}
