import { asyncLocalStorage } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';

let context: MockActivityEnvironment['context'] | undefined;

/**
 * From now on all attempts in this process share one activity context, which is never cancelled: a crashed process just
 * never gets its turn again. A context for each attempt (`AsyncLocalStorage.run`) would make every promise slower.
 */
export function shareOneContext(): void {
  context ??= new MockActivityEnvironment().context;
  asyncLocalStorage.getStore = () => context;
}
