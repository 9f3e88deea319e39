/** Messages that a fake pushes to its clients. */
export class Deliveries {
  /** How many of the next messages are lost. */
  dropNext = 0;
  /** Messages that the receiver accepted, and those that it did not. */
  delivered = 0;
  failed = 0;
  readonly #sending = new Set<Promise<void>>();

  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  /** `isAccepted` checks the answer's status. */
  protected deliver(address: string, init: RequestInit, isAccepted: (status: number) => boolean): void {
    if (this.dropNext > 0) {
      this.dropNext -= 1;
      return;
    }
    const sending = this.#post(address, init).then((status) => {
      if (status !== null && isAccepted(status)) this.delivered += 1;
      else this.failed += 1;
    });
    this.#sending.add(sending);
    void sending.finally(() => this.#sending.delete(sending));
  }

  async #post(address: string, init: RequestInit): Promise<number | null> {
    const request = { ...init, method: 'POST', signal: AbortSignal.timeout(5_000) };
    const response = await fetch(address, request).catch(() => null);
    await response?.arrayBuffer().catch(() => undefined);
    return response?.status ?? null;
  }
}
