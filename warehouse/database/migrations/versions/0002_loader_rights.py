"""Rights of loaders, which every migration has given since; the number stays taken where it was applied."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply nothing."""
