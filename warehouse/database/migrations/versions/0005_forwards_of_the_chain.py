"""The forward, the discount and the premium's origin beside the Greeks, and Greeks of quotes at a moment."""

from alembic import op

revision = "0005"
down_revision = "0004"

_COLUMNS = {
    "premium_source": "text",
    "forward_price": "double precision",
    "forward_method": "text",
    "discount_factor": "double precision",
}


def upgrade() -> None:
    """Apply."""
    for column, kind in _COLUMNS.items():
        op.execute(f"alter table enrichment.option_greeks add column if not exists {column} {kind}")
    op.execute(
        "alter table enrichment.option_greeks"
        " drop constraint if exists option_greeks_bar_interval_check,"
        " add constraint option_greeks_bar_interval_check"
        " check (bar_interval in ('minute', 'hour', 'built day', 'day', 'snapshot'))"
    )
