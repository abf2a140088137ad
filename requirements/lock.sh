#!/usr/bin/env bash
# Resolve one lock file: lock.sh serve|server|dev|image|build PATH_TO_UV. Hashes, all platforms, no registry
# address. What goes into the image, and what it is built with, has the versions of dev.lock, which were tested.
set -euo pipefail
cd "$(dirname "$0")/.."
source=pyproject.toml
tested=(--constraint requirements/dev.lock)
case "$1" in
  serve) what=(--extra serve) ;;
  server) what=(--extra server --extra postgres) ;;
  dev) what=(--group dev --extra server --extra postgres --extra redis --extra telemetry --extra azure --extra ray --extra terraform --extra examples) ;;
  image) what=(--extra server --extra postgres --extra redis --extra azure "${tested[@]}") ;;
  build) source=requirements/build.in what=("${tested[@]}") ;;
  *) echo "lock.sh: serve, server, dev, image or build, not '$1'" >&2; exit 2 ;;
esac
"$2" pip compile "$source" "${what[@]}" --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
  --output-file "requirements/$1.lock"
