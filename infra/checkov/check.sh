#!/usr/bin/env bash
# Checkov on every stage of the example, and on the modules with their examples: check.sh CHECKOV NORTHSTAR
set -euo pipefail
cd "$(dirname "$0")/../.."
# A commit's waivers are those of its day: CI says of it in a year what it says today.
day=$(git log -1 --format=%cs 2> /dev/null || date -u +%F)
for stage in dev staging prod; do
  "$2" env scan "$stage" --file examples/environments --checkov "$1" --on "$day"
done
echo "The modules and their examples, with the waivers of dev:"
"$2" env scan dev --file examples/environments --checkov "$1" --on "$day" --directory infra/terraform/modules
infra/checkov/list.sh "$1" | diff - src/northstar/environments/as_code/checkov_rules/known_checks.txt \
  || { echo "The list of checks is another one: infra/checkov/list.sh makes it."; exit 1; }
