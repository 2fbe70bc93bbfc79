#!/bin/sh
# with.sh TOOL ARGUMENT...: runs TOOL; where it is not installed, says so and ends with 77, which ctest counts as skipped.
command -v "$1" >/dev/null || {
  echo "$1 is not installed: ./dev setup test installs it"
  exit 77
}
exec "$@"
