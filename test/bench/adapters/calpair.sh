#!/usr/bin/env bash
# Calpair as `npm start` runs it, with embedded servers, for the harness in ../shared/bench.
# Before each measured call, and at the end, $BENCH_NOTES gets a line: SQL statements so far, PSS of the tree in KB.
set -eu
project=$(cd "$(dirname "$0")/../../.." && pwd)
call() { curl -sf -H "Authorization: Bearer $BENCH_KEY" "$@"; }
tree() { echo "$1"; for child in $(pgrep -P "$1"); do tree "$child"; done; }
note() {
  pss=$(for process in $(tree "$pid"); do cat "/proc/$process/smaps_rollup" 2> /dev/null; done | awk '/^Pss:/ {sum += $2} END {print sum}')
  echo "$(curl -s "http://127.0.0.1:$counter") $pss" >> "$BENCH_NOTES"
}
[ "$1" = setup ] && exec node --import tsx "$project/test/bench/start-calpair.ts" "$project"
[ -e "$PERF_WORK/calpair.env" ] || exit 0
. "$PERF_WORK/calpair.env"
case "$1" in
sync)
  [ -e "$PERF_WORK/resumed" ] || { call -XPOST "$api/v1/pairs/$pair/resume" > /dev/null; touch "$PERF_WORK/resumed"; }
  until [ "$(call -o "$PERF_WORK/answer" -w '%{http_code}' -XPOST "$api/v1/pairs/$pair/sync?wait=120")" = 200 ]; do :; done
  grep -q '"result":"ok"' "$PERF_WORK/answer" || { cat "$PERF_WORK/answer"; exit 1; }
  ;;
pids) note; echo "$pid" ;;
teardown)
  note
  kill "$pid"
  while kill -0 "$pid" 2> /dev/null; do sleep 0.2; done
  ;;
esac
