#!/usr/bin/env bash
# Puts on the cluster of $KUBECONFIG what Taskbell's chart expects:  scripts/prepare.sh [--with-servers]
#
# Dapr, by its own chart; with --with-servers also Strimzi's operator and a small PostgreSQL, for clusters that are thrown
# away. May be repeated.
set -euo pipefail
cd "$(dirname "$0")/.."

dapr_version=1.18.3 strimzi_version=0.51.0
helm=${HELM:-helm}

if [[ $# -gt 1 || ( $# -eq 1 && $1 != --with-servers ) ]]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
"$helm" upgrade --install dapr dapr --repo https://dapr.github.io/helm-charts --version "$dapr_version" \
  --namespace dapr-system --create-namespace --set global.actors.enabled=false --wait --timeout 10m
if [[ ${1:-} == --with-servers ]]; then
  "$helm" upgrade --install strimzi strimzi-kafka-operator --repo https://strimzi.io/charts \
    --version "$strimzi_version" --namespace strimzi --create-namespace --set watchAnyNamespace=true --wait --timeout 10m
  kubectl apply --filename scripts/kind/postgres.yaml
  kubectl --namespace postgres rollout status deployment/postgres --timeout 5m
fi
