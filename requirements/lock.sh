#!/usr/bin/env bash
# Resolve one lock file: lock.sh serve|server|dev PATH_TO_UV. Hashes, all platforms, no registry address.
set -euo pipefail
cd "$(dirname "$0")/.."
case "$1" in
  serve) what=(--extra serve) ;;
  server) what=(--extra server --extra postgres) ;;
  dev) what=(--group dev --extra server --extra postgres --extra telemetry --extra azure --extra ray --extra terraform --extra examples) ;;
  *) echo "lock.sh: serve, server or dev, not '$1'" >&2; exit 2 ;;
esac
"$2" pip compile pyproject.toml "${what[@]}" --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
  --output-file "requirements/$1.lock"
