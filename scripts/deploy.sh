#!/usr/bin/env bash
# Installs or upgrades Taskbell on the cluster of $KUBECONFIG and checks it:  scripts/deploy.sh REPOSITORY TAG [HELM ARGUMENTS]
#
# Dapr has to be there (scripts/prepare.sh). Whatever else the chart has to know is given as Helm arguments, such as
# --values charts/taskbell/values-doks.yaml. An upgrade that does not become ready is rolled back; a first installation that
# does not stays, to be looked at.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ $# -lt 2 ]]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
repository=$1 tag=$2
shift 2
helm=${HELM:-helm}
release=${RELEASE:-taskbell}
namespace=${NAMESPACE:-taskbell}

rollback=()
if "$helm" status "$release" --namespace "$namespace" >/dev/null 2>&1; then
  # Helm 4 calls it --rollback-on-failure.
  case $("$helm" version --short) in
    v3.*) rollback=(--atomic) ;;
    *) rollback=(--rollback-on-failure) ;;
  esac
fi
"$helm" upgrade --install "$release" charts/taskbell --namespace "$namespace" --create-namespace \
  --set-string "image.repository=$repository" --set-string "image.tag=$tag" \
  --wait --timeout "${TIMEOUT:-10m}" "${rollback[@]}" "$@"
"$helm" test "$release" --namespace "$namespace" --timeout 5m --logs
