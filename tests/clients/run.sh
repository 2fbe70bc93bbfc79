#!/usr/bin/env bash
# Starts `BIN serve MODEL --port 0`, runs the client tests and a few requests of curl against it, stops it.
# Usage: run.sh BIN MODEL [argument of serve...]. Needs node and `npm ci` in this folder; GANTRY_GOLDEN is passed on.
set -euo pipefail

bin=$1 model=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
command -v node >/dev/null || { echo "node is not installed: ./dev setup test installs it" >&2; exit 77; }
[ -d "$here/node_modules/openai" ] || { echo "the openai client is not installed: run 'npm ci' in tests/clients" >&2; exit 77; }

log=$(mktemp)
"$bin" serve "$model" --port 0 "$@" >"$log" 2>&1 &
server=$!
cleanup() {
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -f "$log"
}
trap cleanup EXIT

url=
for _ in $(seq 600); do
  url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$log" | head -n 1)
  [ -n "$url" ] && break
  kill -0 "$server" 2>/dev/null || { echo "run.sh: the server ended before it listened:" >&2; cat "$log" >&2; exit 1; }
  sleep 0.1
done
[ -n "$url" ] || { echo "run.sh: no line 'listening on' came:" >&2; cat "$log" >&2; exit 1; }

# expect STATUS WORDS curl-argument...: the status, and words that the answer holds.
expect() {
  local status=$1 words=$2 out
  shift 2
  out=$(curl --silent --show-error --max-time 60 --write-out '\n%{http_code}' "$@")
  if [ "${out##*$'\n'}" != "$status" ] || [[ "$out" != *"$words"* ]]; then
    echo "run.sh: curl $*: wanted $status with '$words', got:" >&2
    echo "$out" >&2
    exit 1
  fi
}
json='Content-Type: application/json'
expect 200 '"status":"ok"' "$url/health"
expect 200 '"object":"list"' "$url/v1/models"
expect 200 '"text_completion"' "$url/v1/completions" -H "$json" -d '{"prompt":"Once","max_tokens":4}'
expect 200 'data: [DONE]' "$url/v1/completions" -H "$json" -d '{"prompt":"Once","max_tokens":4,"stream":true}'
expect 200 '"text_completion"' "$url/v1/completions" -H "$json" -H 'Transfer-Encoding: chunked' -d '{"prompt":"Once","max_tokens":4}'
expect 200 '"text_completion"' --http1.0 "$url/v1/completions" -H "$json" -d '{"prompt":"Once","max_tokens":4}'
expect 400 '"param":"temperature"' "$url/v1/completions" -H "$json" -d '{"prompt":"Once","temperature":"hot"}'
expect 400 'not JSON' "$url/v1/completions" -H "$json" -d '{'
expect 404 'not_found' "$url/nowhere"
expect 405 'method_not_allowed' -X DELETE "$url/v1/models"
expect 403 'foreign_origin' -H 'Origin: https://elsewhere.example' "$url/v1/models"
expect 204 '' -X OPTIONS -H 'Origin: http://localhost:3000' -H 'Access-Control-Request-Method: POST' "$url/v1/completions"

GANTRY_URL=$url node --test "$here/openai_test.mjs" "$here/loops_test.mjs"

kill -TERM "$server"
wait "$server" || { echo "run.sh: the server did not end well: $?" >&2; cat "$log" >&2; exit 1; }
