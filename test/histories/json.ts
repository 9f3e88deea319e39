/**
 * Recorded histories to JSON and back. Temporal's own JSON functions do not work with the second copy of protobufjs
 * that npm installs for googleapis.
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
