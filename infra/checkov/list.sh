#!/usr/bin/env bash
# What a waiver may name: Checkov's version, and its checks of Azure with ours: list.sh CHECKOV
set -euo pipefail
cd "$(dirname "$0")/../.."
echo "checkov $("$1" --version)"
{
  "$1" --list --framework terraform --skip-download | grep -oE '\bCKV2?_(AZURE|TF)_[0-9]+'
  grep -hoE '\bCKV2_NORTHSTAR_[0-9]+' src/northstar/environments/as_code/checkov_rules/policies/*.yaml
} | LC_ALL=C sort -u
