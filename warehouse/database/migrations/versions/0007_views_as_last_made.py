"""What each view was last made of, so that a build makes anew only those that have changed."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.execute(
        "create table if not exists audit.built_views"
        " (schema_name text, view_name text, made_of text not null, primary key (schema_name, view_name))"
    )
    op.execute(
        "comment on table audit.built_views is 'What each dbt view was last made of, as a fingerprint'"
    )
