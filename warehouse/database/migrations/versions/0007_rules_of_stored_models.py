"""By which rules each stored model was built, so that a change of them rebuilds it."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        create table if not exists audit.built_models (
            model text primary key,
            rules text not null,
            corrections bigint not null default 0
        )
        """
    )
    op.execute(
        """
        comment on table audit.built_models is
        'By which rules (columns, SQL, seeds, the rules of what it reads) each stored model was built'
        """
    )
