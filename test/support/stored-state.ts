/** The stored state of a side, in place of the database. */
import type { Found, Stored, StoredEvents } from '../../providers/provider.ts';

export class StoredState implements StoredEvents {
  readonly #byRef = new Map<string, Found>();

  keep(found: Found): void {
    this.#byRef.set(found.ref, found);
  }
  drop(isGone: (found: Found) => boolean): void {
    for (const found of this.#byRef.values()) if (isGone(found)) this.#byRef.delete(found.ref);
  }
  titles(): string[] {
    return [...this.#byRef.values()].map(({ event: one }) => one?.title ?? '?').sort();
  }
  byResource(resources: readonly string[]): Promise<Stored[]> {
    return Promise.resolve([...this.#byRef.values()].filter(({ resource }) => resources.includes(resource)));
  }
  versions(): Promise<Map<string, string | null>> {
    return Promise.resolve(new Map([...this.#byRef.values()].map(({ resource, version }) => [resource, version])));
  }
}
