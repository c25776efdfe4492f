"""Rights of loaders, given with every migration since; the number stays taken where it was applied."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply nothing."""
