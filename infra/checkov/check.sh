#!/usr/bin/env bash
# Checkov on every stage of the example, and on the modules with their examples: check.sh CHECKOV NORTHSTAR
set -euo pipefail
cd "$(dirname "$0")/../.."
for stage in dev staging prod; do
  "$2" env scan "$stage" --file examples/environments --checkov "$1" --config infra/checkov/config.yaml
done
echo "modules and examples:"
"$1" --config-file infra/checkov/config.yaml --directory infra/terraform/modules
