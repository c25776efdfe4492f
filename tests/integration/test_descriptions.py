"""Descriptions of the project stand in the database, where every client shows them."""

import json
from typing import Any

from built_warehouse import dbt, query
from sqlalchemy import URL

from warehouse.database import connect

COMMENTS = """
    select
        format('%s.%s', relnamespace::regnamespace, relname), coalesce(attname, ''), description,
        pg_description.xmin::text
    from pg_description
    join pg_class on pg_class.oid = objoid and classoid = 'pg_class'::regclass
    left join pg_attribute on attrelid = objoid and attnum = objsubid and objsubid > 0
    where relnamespace::regnamespace::text in ('facts', 'intermediate', 'marts')
    order by 1, 2
"""


BUILD = ("build", "--select", "+sessions", "--exclude-resource-type", "test", "unit_test")


def described_in_the_project(*selection: str) -> list[dict[str, Any]]:
    """Name, description and columns of the project's nodes, as dbt lists them."""
    listed = dbt(
        *("--quiet", "ls", *selection, "--output", "json"),
        *("--output-keys", "name description columns"),
    ).stdout
    return [json.loads(line) for line in listed.splitlines() if line.startswith("{")]


def test_descriptions_reach_the_database_and_are_written_once(database: URL) -> None:
    dbt(*BUILD)
    stored = query(COMMENTS)
    described = {(relation, column): text for relation, column, text, _ in stored}
    (model,) = described_in_the_project("--select", "sessions", "--resource-types", "model")
    assert model["name"] == "sessions"
    assert described["marts.sessions", ""] == model["description"].strip()
    for column in model["columns"].values():
        assert described["marts.sessions", column["name"]] == column["description"].strip()
    assert ("facts.nse_holidays", "source") in described

    dbt(*BUILD)
    assert query(COMMENTS) == stored

    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("comment on column marts.sessions.opens_at is 'something else'")
    dbt("run", "--select", "sessions")
    assert {(relation, column): text for relation, column, text, _ in query(COMMENTS)} == described


def test_every_column_of_every_model_and_seed_is_described() -> None:
    nodes = described_in_the_project("--resource-types", "model", "seed")

    assert len(nodes) > 100
    assert [node["name"] for node in nodes if not node["description"]] == []
    assert [
        f"{node['name']}.{column['name']}"
        for node in nodes
        for column in node["columns"].values()
        if not column["description"]
    ] == []
