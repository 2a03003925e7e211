"""Which tool keeps an object in line with a Git repository, or with a release: what it finds changed it sets back."""

from taskbell.resources import Metadata

MARKS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "meta.helm.sh/release-name": "Helm",
}
"""Label or annotation → tool."""


def manager(metadata: Metadata) -> str | None:
    """The tool that manages the object; None when it is the cluster's own."""
    return next((tool for mark, tool in MARKS.items() if mark in metadata.labels or mark in metadata.annotations), None)
