"""Second-order Greeks beside the first-order ones, and which slices have them."""

from alembic import op

revision = "0004"
down_revision = "0003"

_COLUMNS = ("vanna", "volga", "charm", "speed", "color", "veta")


def upgrade() -> None:
    """Apply."""
    for column in _COLUMNS:
        op.execute(f"alter table enrichment.option_greeks add column if not exists {column} double precision")
    op.execute(
        "alter table enrichment.greeks_slices"
        " add column if not exists has_second_order boolean not null default false"
    )
