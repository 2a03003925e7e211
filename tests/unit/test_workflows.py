"""The workflows of GitHub Actions call what is here, are pinned, and may do no more than they need.

What actionlint sees, `make lint` sees."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))

workflows = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text())["jobs"]
    return found


def commands(workflow: Path) -> str:
    return "\n".join(step.get("run", "") for job in jobs(workflow).values() for step in job.get("steps", []))


@workflows
def test_every_foreign_action_is_pinned_to_a_commit_and_says_its_version(workflow: Path) -> None:
    uses = re.findall(r"uses: (.+)", workflow.read_text())
    assert uses
    for action in uses:
        assert action.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@workflows
def test_nobody_may_write_but_who_pushes_images(workflow: Path) -> None:
    text = yaml.safe_load(workflow.read_text())
    assert text["permissions"] in ({}, {"contents": "read"})
    for name, job in jobs(workflow).items():
        written = {scope for scope, access in job.get("permissions", {}).items() if access != "read"}
        assert written <= ({"packages"} if name == "images" else set())


@workflows
def test_every_job_has_an_end(workflow: Path) -> None:
    assert all("timeout-minutes" in job or "uses" in job for job in jobs(workflow).values())


@workflows
def test_secrets_reach_commands_as_environment_only(workflow: Path) -> None:
    assert "${{ secrets." not in commands(workflow)
    assert "${{ github." not in commands(workflow)


@workflows
def test_what_is_called_exists(workflow: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z0-9-]+)", commands(workflow))) <= targets
    for script in re.findall(r"scripts/[\w-]+\.sh", commands(workflow)):
        assert (ROOT / script).stat().st_mode & 0o111, f"{script} cannot be executed"


def test_a_push_to_main_is_tested_built_and_deployed_in_this_order() -> None:
    deploy = ROOT / ".github" / "workflows" / "deploy.yml"
    steps = jobs(deploy)
    assert yaml.safe_load(deploy.read_text())[True] == {"push": {"branches": ["main"]}}  # YAML 1.1 reads `on` as true
    assert (steps["images"]["needs"], steps["deploy"]["needs"]) == ("test", "images")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_valid_bash_and_stops_at_the_first_error(script: Path) -> None:
    subprocess.run(["/bin/bash", "-n", script], check=True)
    assert "\nset -euo pipefail\n" in script.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("images.sh",), id="images without a repository"),
        pytest.param(("images.sh", "taskbell", "dev", "--pusch"), id="images with an unknown flag"),
        pytest.param(("deploy.sh", "taskbell"), id="deploy without a tag"),
        pytest.param(("prepare.sh", "--everything"), id="prepare with an unknown flag"),
    ],
)
def test_a_script_that_is_called_wrongly_says_how_it_is_called(arguments: tuple[str, ...]) -> None:
    script, *rest = arguments
    answer = subprocess.run([ROOT / "scripts" / script, *rest], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert f"scripts/{script}" in answer.stderr


@pytest.mark.parametrize(
    ("installed", "version", "flag"),
    [
        pytest.param(True, "v3.19.0+g1", "--atomic ", id="an upgrade by helm 3"),
        pytest.param(True, "v4.3.1", "--rollback-on-failure ", id="an upgrade by helm 4"),
        pytest.param(False, "v4.3.1", "", id="a first installation"),
    ],
)
def test_deploy_rolls_back_an_upgrade_that_fails_and_runs_the_charts_test(
    installed: bool, version: str, flag: str, tmp_path: Path
) -> None:
    helm, calls = tmp_path / "helm", tmp_path / "calls"
    status = 0 if installed else 1
    helm.write_text(
        f'#!/bin/bash\ncase $1 in status) exit {status} ;; version) echo {version} ;; *) echo "$*" >>{calls} ;; esac\n'
    )
    helm.chmod(0o755)

    subprocess.run(
        [ROOT / "scripts" / "deploy.sh", "registry/taskbell", "1.2.3", "--values", "mine.yaml"],
        env={"PATH": "/usr/bin:/bin", "HELM": str(helm)},
        check=True,
    )

    upgrade, test = calls.read_text().splitlines()
    assert upgrade.startswith("upgrade --install taskbell charts/taskbell --namespace taskbell --create-namespace")
    assert f"--set-string image.tag=1.2.3 --wait --timeout 10m {flag}--values mine.yaml" in upgrade
    assert test == "test taskbell --namespace taskbell --timeout 5m --logs"
