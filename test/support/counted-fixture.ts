/** A fixture whose costs are counted: requests to both services, and the events of a pair's workflow history. */
import { after, before } from 'node:test';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import type { Cloud } from './cloud.ts';
import { type Fixture, fixture } from './fixture.ts';
import { type Gate, startGate } from './gate.ts';
import type { Pair } from './pair.ts';

export interface CountedFixture<C extends Cloud> {
  readonly servers: Fixture<C>;
  /** In front of the CalDAV server, for pairs that are opened with `through`. */
  gate(): Gate;
  readonly through: (url: string) => { readonly base: string; readonly url: string };
  workflowOf(pair: Pair): Promise<WorkflowHandle>;
}

/** As `fixture`. */
export function countedFixture<C extends Cloud>(kind: { start(): Promise<C> }): CountedFixture<C> {
  const servers = fixture(kind);
  let connection: Connection;
  let gate: Gate;
  before(async () => {
    gate = await startGate(servers.radicale.base);
    connection = await Connection.connect({ address: servers.calpair.temporal.address });
  });
  after(async () => {
    await connection?.close();
    gate?.stop();
  });
  return {
    servers,
    gate: () => gate,
    through: (url) => ({ base: gate.base, url: url.replace(servers.radicale.base, gate.base) }),
    workflowOf: async (pair) =>
      new Client({ connection, namespace: servers.calpair.temporal.namespace }).workflow.getHandle(
        (await pair.show()).workflowId,
      ),
  };
}
