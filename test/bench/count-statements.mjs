/**
 * Preloaded into a Calpair that is measured: counts the SQL statements of this process, and answers the count at
 * BENCH_COUNTER_PORT.
 */
import { createServer } from 'node:http';
import { isMainThread } from 'node:worker_threads';
import pg from 'pg';

let statements = 0;
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (...args) {
  statements += 1;
  return query.apply(this, args);
};

// Threads of the process preload this file, too.
if (isMainThread)
  createServer((_request, response) => response.end(String(statements)))
    .listen(Number(process.env.BENCH_COUNTER_PORT), '127.0.0.1')
    .unref();
