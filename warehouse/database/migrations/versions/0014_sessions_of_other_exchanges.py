"""Sessions of exchanges whose calendar comes from a library, written before a build that needs them."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table enrichment.exchange_calendars (
            exchange text primary key,
            calendar text not null,
            first_day date not null,
            last_day date not null,
            wanted_until date not null,
            written_by text not null
        )
        """
    )
    op.execute(
        """
        create table enrichment.exchange_sessions (
            exchange text,
            session_date date,
            opens_at timestamptz not null,
            closes_at timestamptz not null,
            primary key (exchange, session_date)
        )
        """
    )
    op.execute(
        """
        comment on table enrichment.exchange_calendars is
        'The exchanges whose sessions are in exchange_sessions, from which day to which, and who gave them'
        """
    )
    op.execute(
        """
        comment on table enrichment.exchange_sessions is
        'When exchanges other than those of the seeds are open; one row per exchange and session date'
        """
    )
