"""dbt makes the lines that its logs take, and no others, and the same summaries of its graph."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from warm_python.interpreter import COLD

from warehouse.settings import PROJECT_FOLDER

PROGRAM = """
import json, sys
from dbt_common.events.event_manager import EventManager
made = []
fire = EventManager.fire_event
def counted(self, e, level=None, *rest, **named):
    made.append(str(level or e.level_tag()))
    fire(self, e, level, *rest, **named)
EventManager.fire_event = counted
from dbt.cli.main import dbtRunner
from warehouse.unread_events import spare_what_nobody_reads
spare_what_nobody_reads()
dbtRunner().invoke(["--log-level", sys.argv[1], "--log-level-file", "none", "debug", "--config-dir"])
print(json.dumps({level: made.count(level) for level in set(made)}))
"""


@pytest.mark.parametrize(("level", "are_made"), [("info", False), ("debug", True)])
def test_debugging_events_are_made_where_a_log_takes_them(level: str, are_made: bool) -> None:
    done = subprocess.run(
        [COLD, "-c", PROGRAM, level], capture_output=True, text=True, check=True, cwd=PROJECT_FOLDER
    )

    made = json.loads(done.stdout.splitlines()[-1])
    assert made["EventLevel.INFO"] > 0
    assert (made.get("EventLevel.DEBUG", 0) > 0) == are_made


SUMMARIES = """
import json, sys
from dbt.cli.main import dbtRunner
from warehouse.unread_events import spare_what_nobody_reads
for spare in (lambda: None, spare_what_nobody_reads):
    spare()
    listed = dbtRunner().invoke(["ls", "--profiles-dir", ".", "--quiet", "--log-level-file", "none"])
    assert listed.success, listed.exception
    print(json.dumps(json.load(open("target/graph_summary.json"))["linked"]))
"""


def test_a_summary_of_the_graph_is_dbts_own(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "{name: two, profile: two, flags: {send_anonymous_usage_stats: false}}"
    )
    connection = "{type: postgres, host: none, user: none, password: none, port: 1, dbname: none, schema: s}"
    (tmp_path / "profiles.yml").write_text(f"two: {{target: t, outputs: {{t: {connection}}}}}")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/first.sql").write_text("select 1 as number")
    (tmp_path / "models/second.sql").write_text("select * from {{ ref('first') }}")
    (tmp_path / "models/two.yml").write_text(
        "models: [{name: second, columns: [{name: number, data_tests: [unique]}]}]"
    )

    done = subprocess.run(
        [COLD, "-c", SUMMARIES], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("DBT_")},
    )  # fmt: skip

    dbts, ours = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    assert {node["type"] for node in dbts.values()} == {"model", "test"}
    assert any("succ" in node for node in dbts.values())
    assert ours == dbts
