/**
 * Recorded histories as JSON and back. Not with Temporal's own JSON functions: they refuse to work where npm has
 * installed more than one copy of protobufjs, as it must beside googleapis.
 */
import proto from '@temporalio/proto';

const { History } = proto.temporal.api.history.v1;
type History = proto.temporal.api.history.v1.IHistory;

export function toJson(history: History): unknown {
  return History.toObject(History.fromObject(history), { enums: String, longs: String, bytes: String });
}

export function fromJson(json: unknown): History {
  if (json === null || typeof json !== 'object') throw new TypeError('not a history');
  return History.fromObject(json);
}
