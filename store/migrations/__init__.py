"""Alembic migrations, run by `python -m store` or by these functions; there is no alembic.ini.

Expand, then contract: a revision leaves the previous release's code working. Each runs in one transaction.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

DIRECTORY = Path(__file__).parent


def upgrade(engine: Engine, revision: str = "head") -> None:
    """To `revision` or the newest; nothing when it is there already. Any number of processes may do so at once: one
    does the work, the others wait. Not from two threads of one: Alembic's context is global."""
    command.upgrade(_config(engine), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Back to `revision`; `base` drops everything."""
    command.downgrade(_config(engine), revision)


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(DIRECTORY).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config
