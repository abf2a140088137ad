#!/usr/bin/env bash
# Checkov on every stage and on the modules with their examples: check.sh PATH_TO_CHECKOV
set -euo pipefail
cd "$(dirname "$0")/../.."
checkov=("$1" --config-file infra/checkov/config.yaml)
for variables in infra/terraform/live/platform/environments/*.tfvars; do
  echo "$(basename "$variables" .tfvars):"
  "${checkov[@]}" --directory infra/terraform/live/platform --var-file "$variables"
done
echo "modules and examples:"
"${checkov[@]}" --directory infra/terraform/modules
