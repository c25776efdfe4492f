"""dbt makes the lines that its logs take, and no others."""

import json
import subprocess

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
