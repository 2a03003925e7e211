#!/usr/bin/env bash
# Builds our three images by Docker:  scripts/images.sh REPOSITORY TAG [--push]
#
# They are REPOSITORY-operator, -api and -consumers. With --push they go to the registry, each with an SBOM and its
# provenance, and their digests are printed; without it they are loaded into the local Docker.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ $# -lt 2 || $# -gt 3 || ( $# -eq 3 && $3 != --push ) ]]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
repository=$1 tag=$2

if [[ ${3:-} == --push ]]; then
  # Attestations need a builder of their own; the default one cannot write them.
  docker buildx inspect taskbell >/dev/null 2>&1 || docker buildx create --name taskbell --driver docker-container
  builder=(--builder taskbell --push --sbom=true --provenance=mode=max)
else
  builder=(--load)
fi

metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT
for target in operator api consumers; do
  docker buildx build "${builder[@]}" --target "$target" --tag "$repository-$target:$tag" \
    --label "org.opencontainers.image.revision=$(git rev-parse HEAD)" --metadata-file "$metadata" .
  digest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get("containerimage.digest", ""))' "$metadata")
  echo "$repository-$target:$tag ${digest}"
done
