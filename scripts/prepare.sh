#!/usr/bin/env bash
# Puts on the cluster of $KUBECONFIG what Taskbell's chart expects:
#   scripts/prepare.sh [--with-servers] [-- HELM ARGUMENTS FOR DAPR]
#
# Dapr, by its own chart ($DAPR_CHART where that is on this machine); with --with-servers also Strimzi's operator and a small
# PostgreSQL, for clusters that are thrown away. May be repeated.
set -euo pipefail
cd "$(dirname "$0")/.."

dapr_version=1.18.3 strimzi_version=0.51.0
helm=${HELM:-helm}

with_servers=
if [[ ${1:-} == --with-servers ]]; then
  with_servers=yes
  shift
fi
if [[ $# -gt 0 && $1 != -- ]]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
if [[ -n ${DAPR_CHART:-} ]]; then
  dapr=("$DAPR_CHART")
else
  dapr=(dapr --repo https://dapr.github.io/helm-charts --version "$dapr_version")
fi
"$helm" upgrade --install dapr "${dapr[@]}" \
  --namespace dapr-system --create-namespace --set global.actors.enabled=false --wait --timeout 10m "${@:2}"
if [[ -n $with_servers ]]; then
  "$helm" upgrade --install strimzi strimzi-kafka-operator --repo https://strimzi.io/charts \
    --version "$strimzi_version" --namespace strimzi --create-namespace --set watchAnyNamespace=true --wait --timeout 10m
  kubectl apply --filename scripts/kind/postgres.yaml
  kubectl --namespace postgres rollout status deployment/postgres --timeout 5m
fi
