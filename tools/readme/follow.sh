#!/usr/bin/env bash
# In the bare Debian, as its stranger: every block of the README in its order, command by command as written, each with its
# time. A command that serves goes on in a terminal of its own. `follow.sh COMMAND...`: only this.
set -euo pipefail
shopt -s nullglob

clone=$HOME/gantry
failed=0
server=

report() { printf '\n== %d s, status %d\n\n' "$1" "$2"; }

# one COMMAND: here, so that `cd` stays.
one() {
  local started=$SECONDS status=0
  printf '[%5d s] $ %s\n' "$SECONDS" "$1"
  case $1 in
    "./dev run"*) serve "$1" || status=$? ;;
    *apt-get*) eval "$1" < <(yes) || status=$? ;;
    *) eval "$1" </dev/null || status=$? ;;
  esac
  report "$((SECONDS - started))" "$status"
  ((status == 0)) || failed=1
}

serve() {
  setsid bash -c "$1" >"$HOME/server.log" 2>&1 </dev/null &
  server=$!
  until grep -q 'listening on' "$HOME/server.log"; do
    kill -0 "$server" 2>/dev/null || { cat "$HOME/server.log"; return 1; }
    sleep 1
  done
  cat "$HOME/server.log"
}

# shellcheck disable=SC2317  # the trap calls it
end_server() {
  [[ $server ]] || return 0
  echo "Ctrl-C in the server's terminal"
  kill -INT -- "-$server" 2>/dev/null || true
  wait "$server" || true
}
trap end_server EXIT

# The reader's files of the README's examples: the model in the box under other names.
stand_ins() {
  [[ -f model-f16.gguf ]] || gantry quantize "$clone/models/gantry-box.gguf" model-f16.gguf F16 --requantize
  cp "$clone/README.md" text.txt
}

cd "$clone"
if (($#)); then
  one "$*"
  exit "$failed"
fi
for block in "$HOME"/blocks/*; do
  case $block in
    *.file) ;;
    *.sh)
      if grep -q '^\./dev' "$block"; then cd "$clone"; fi
      if grep -q 'model-f16' "$block"; then stand_ins; fi
      while IFS= read -r command; do
        [[ -z $command ]] || one "$command"
      done < <(sed -e ':a' -e '/\\$/N; s/\\\n//; ta' -e 's/ *#.*$//' "$block")
      ;;
    *)
      name=$(cat "${block%.*}.file")
      printf '[%5d s] %s is written\n\n' "$SECONDS" "$name"
      cp "$block" "$name"
      ;;
  esac
done
exit "$failed"
