"""The rules by which each stored model was built, so that a change of them rebuilds it."""

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
    # the text of a view depends on the settings of whoever asks
    op.execute(
        """
        create or replace function audit.text_of_views(names text[]) returns text language sql stable
        set search_path = '' set intervalstyle = 'postgres' set datestyle = 'ISO, MDY' set timezone = 'UTC'
        set extra_float_digits = 1
        as $$
            select string_agg(pg_catalog.pg_get_viewdef(name::regclass), ';' order by name collate "C")
            from unnest(names) as name
        $$
        """
    )
    op.execute(
        "comment on function audit.text_of_views is 'What views are defined as, the same text whoever asks'"
    )
