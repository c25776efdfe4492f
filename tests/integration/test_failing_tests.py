"""What a build says of a test of data that fails: which table, what is broken there, and the first rows."""

import pytest
from built_warehouse import change, dbt, tickmart
from sqlalchemy import URL

pytestmark = pytest.mark.slow

RULES = ("--no-greeks", "--select", "tick_size_rules")


@pytest.fixture
def rules(database: URL) -> None:
    """The seed of tick rules as its file has it; what a test changes in the table is not in the file."""
    dbt("seed", "--full-refresh", "--select", "tick_size_rules")


def test_what_is_broken_is_said_with_its_rows(rules: None) -> None:
    tickmart("build", *RULES)
    change("update facts.tick_size_rules set tick_size = null where underlying = 'NIFTY'")
    change(
        "update facts.tick_size_rules set tick_size = 0, instrument_type = 'equity'"
        " where underlying = 'BANKNIFTY'"
    )

    failed = tickmart("build", *RULES, status=1)

    assert "test holds_tick_size_rules" in failed.stderr
    for broken in (
        '{"broken":"tick_size is NULL","rows":3}',
        '{"broken":"tick_size <= 0","rows":3}',
        '{"broken":"instrument_type is none of option, future","rows":3}',
    ):
        assert broken in failed.stderr


def test_a_key_that_is_there_twice_is_said(rules: None) -> None:
    dbt("seed", "--full-refresh", "--select", "source_ranks")
    change("insert into facts.source_ranks select * from facts.source_ranks limit 1")

    failed = tickmart("build", "--no-greeks", "--select", "source_ranks", status=1)

    assert '{"broken":"rank: more than one row","rows":2}' in failed.stderr


def test_rows_that_contradict_each_other_are_shown(rules: None) -> None:
    change("insert into facts.tick_size_rules select * from facts.tick_size_rules limit 1")

    failed = tickmart("build", *RULES, status=1)

    assert "mutually_exclusive_ranges_tick_size_rules" in failed.stderr
    assert '"underlying":"NIFTY"' in failed.stderr
