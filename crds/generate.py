"""Writes the CustomResourceDefinitions from the models in `taskbell.resources`: `python crds/generate.py`."""

from pathlib import Path

import yaml

from taskbell import schemas

HERE = Path(__file__).parent
HEADER = "# Generated from taskbell/resources.py by `make generate`. Do not edit.\n"


def rendered() -> dict[Path, str]:
    """File → its whole text."""
    definitions = schemas.custom_resource_definitions()
    return {
        HERE / f"{each['spec']['names']['plural']}.yaml": HEADER + yaml.safe_dump(each, sort_keys=False, width=110)
        for each in definitions
    }


if __name__ == "__main__":
    for path, text in rendered().items():
        path.write_text(text)
