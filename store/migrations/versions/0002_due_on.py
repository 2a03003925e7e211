"""The date on which an all-day task is due, for its reminders.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("deliveries", "inbox"):
        op.add_column(table, sa.Column("due_on", sa.Date(), nullable=True), schema="ledger")


def downgrade() -> None:
    for table in ("inbox", "deliveries"):
        op.drop_column(table, "due_on", schema="ledger")
