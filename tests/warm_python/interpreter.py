"""A program that takes Python's command line and spares it the start.

`-m tickmart …`, and dbt started by `-c`, run in a process that is forked from one which has imported both and
has parsed the project: seconds less for each. All else about them is real: arguments, environment, folder,
standard streams, exit status, signals. It gives anything else to the real interpreter
(docs/decisions/0100-commands-of-tests-start-warm.md).
"""

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

from warehouse.settings import PROJECT_FOLDER
from warm_python.client import rights, seen_at_the_start

_SHIM = """\
#!{python} -IS
import sys
sys.path.insert(0, {tests!r})
from warm_python.client import main
main({told!r})
"""
_DBT = "from dbt.cli.main import cli; cli()"

# The real one, for tests of the process itself.
COLD = sys.executable


def _written() -> str:
    folders = PROJECT_FOLDER / ".tickmart/test/warm"
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    for left in folders.glob("*"):  # left by a run that started no command
        if not Path("/proc", left.name).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = folders / str(run)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    told = {
        "python": COLD,
        "project": str(PROJECT_FOLDER),
        "folder": str(folder),
        "until": run,
        "environment": seen_at_the_start(os.environ),
        "rights": rights(),
    }
    text = _SHIM.format(python=COLD, tests=str(Path(__file__).parents[1]), told=json.dumps(told))
    python = folder / "python"
    programs = {
        "python": text,
        "tickmart": f'#!/bin/sh\nexec "{python}" -m tickmart "$@"\n',
        "dbt": f'#!/bin/sh\nexec "{python}" -c "{_DBT}" "$@"\n',
    }
    for beside in Path(COLD).parent.iterdir():  # files that are looked for beside an interpreter
        if beside.name not in programs and not (folder / beside.name).is_symlink():
            with contextlib.suppress(FileExistsError):  # another process of this run was faster
                (folder / beside.name).symlink_to(beside)
    for name, program in programs.items():
        written = folder / f"{name}-{os.getpid()}"
        written.write_text(program)
        written.chmod(0o700)
        written.rename(folder / name)
    return str(python)


# The warm one, `tickmart` and `dbt` beside it; its process starts with the first command, ends with the run.
PYTHON = _written()
