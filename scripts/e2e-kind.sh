#!/usr/bin/env bash
# The end-to-end tests on a kind cluster, which pytest-kind makes and removes:  scripts/e2e-kind.sh [PYTEST ARGUMENTS]
#
# Needs Docker, Helm and kubectl. kind itself is fetched by pytest-kind, in the version below.
set -euo pipefail
cd "$(dirname "$0")/.."

export KIND_VERSION=${KIND_VERSION:-v0.31.0} KUBECTL_VERSION=${KUBECTL_VERSION:-v1.36.3}
scripts/images.sh taskbell e2e
exec uv run --frozen --group kind pytest tests/kind --timeout 1800 "$@"
