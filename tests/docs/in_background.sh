#!/usr/bin/env bash
# Stands before the program on the PATH of the examples. `gantry serve` of a block goes on in the background once it
# answers, as in a terminal of its own, and the one before it ends; everything else is the program.
# GANTRY_BIN: the program. STATE: a folder for the server's pid, log and exit status. `gantry end` ends the server.
set -euo pipefail

end_server() {
  [[ -f $STATE/pid ]] || return 0
  kill -TERM "$(cat "$STATE/pid")" 2>/dev/null || true
  for _ in $(seq 400); do [[ -s $STATE/status ]] && break; sleep 0.05; done
  local status
  status=$(cat "$STATE/status" 2>/dev/null || echo "none: it does not end")
  rm -f "$STATE/pid" "$STATE/status"
  [[ $status == 0 ]] || { echo "the server's exit status is $status" >&2; cat "$STATE/log" >&2; exit 1; }
}

serves=
for argument in "$@"; do
  case $argument in
    serve) serves=yes ;;
    end) [[ $* == end ]] && { end_server; exit; } ;;
    -h | --help | --show-settings | bench | completion | help) exec "$GANTRY_BIN" "$@" ;;
  esac
done
[[ $serves ]] || exec "$GANTRY_BIN" "$@"

end_server
(
  "$GANTRY_BIN" "$@" >"$STATE/log" 2>&1 &
  echo $! >"$STATE/pid"
  status=0
  wait $! || status=$?
  echo "$status" >"$STATE/status"
) </dev/null >/dev/null 2>&1 &

for _ in $(seq 600); do
  sleep 0.05
  if [[ -s $STATE/status ]]; then
    cat "$STATE/log" >&2
    status=$(cat "$STATE/status")
    rm -f "$STATE/pid" "$STATE/status"
    exit "$status"
  fi
  url=$(sed -n 's/.*listening on \([^ ]*\).*/\1/p' "$STATE/log" | head -n 1)
  case $url in
    "") continue ;;
    unix:*) health=(--unix-socket "${url#unix:}" http://localhost/health) ;;
    *) health=("$url/health") ;;
  esac
  if curl -q --silent --fail --output /dev/null --max-time 5 -H "Host: localhost" "${health[@]}"; then
    cat "$STATE/log" >&2
    exit 0
  fi
done
echo "the server does not answer after 30 s" >&2
cat "$STATE/log" >&2
exit 1
