#!/usr/bin/env bash
# run.sh against SIM (gantry_sim_server), whose models also speak through the chat templates of $GANTRY_SHARED or ../shared,
# where there are some. Usage: sim.sh SIM. Exit status 77 (skipped) where the client is absent; 1 where the templates are
# absent and GANTRY_SHARED_REQUIRED is 1.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
templates=${GANTRY_SHARED:-$here/../../../shared}/conformance/chat-templates/templates
if [ -d "$templates" ]; then
  exec "$here/run.sh" "$1" sim --templates "$templates"
fi
echo "sim.sh: absent: $templates" >&2
[ "${GANTRY_SHARED_REQUIRED:-0}" = 1 ] && exit 1
exec "$here/run.sh" "$1" sim
