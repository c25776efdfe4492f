"""What the last whole build went by, so that the next one knows whether anything is due."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply."""
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    create table audit.last_build (
        only_row boolean primary key default true check (only_row),
        project text,
        state jsonb,
        is_tested boolean,
        warnings text[],
        greeks text
    )
    """,
    "create table audit.left_due (model text)",
    "insert into audit.last_build default values",
    """
    comment on table audit.last_build is
    'One row: what the last whole and successful build found; NULLs before there was one'
    """,
    """
    comment on column audit.last_build.project is
    'Fingerprint of the files and settings that it was built by'
    """,
    """
    comment on column audit.last_build.state is
    'Ledger, tables, views and policies as it left them (warehouse/last_build.py)'
    """,
    "comment on column audit.last_build.is_tested is 'Whether its tests were run'",
    """
    comment on column audit.last_build.warnings is
    'What it warned of, to be told again while nothing changes'
    """,
    """
    comment on column audit.last_build.greeks is
    'What the Greeks step had computed when nothing was due any more; NULL before it was run'
    """,
    """
    comment on table audit.left_due is
    'Models that, in the last run of dbt, let others build loads again, some of which had run already'
    """,
)
