"""`python -m store upgrade [revision]` and `python -m store downgrade <revision>`, on the database in $DATABASE_URL."""

import argparse
import os

from store import database, migrations


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    url = os.environ.get("DATABASE_URL")
    if not url:
        parser.error("DATABASE_URL is not set: postgresql://user:password@host/name")
    arguments.run(database.connect(url), arguments.revision)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m store", description="Migrates the database in $DATABASE_URL.")
    commands = parser.add_subparsers(required=True, metavar="command")
    upgrade = commands.add_parser("upgrade", help="to the newest revision, or to the one given")
    upgrade.add_argument("revision", nargs="?", default="head")
    upgrade.set_defaults(run=migrations.upgrade)
    downgrade = commands.add_parser("downgrade", help="back to a revision; `base` drops everything")
    downgrade.add_argument("revision")
    downgrade.set_defaults(run=migrations.downgrade)
    return parser


if __name__ == "__main__":
    main()
