"""Damage files at random, land them all, build with every test, and count what became of each line.

    python -m tests.fuzz --mutations 2000 --seconds 900 --seed 1 FOLDER…

lands into the database of the environment, which should be an empty one. Exit code 1 if a line was lost or
the build is not green.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.fuzz.running import fuzz


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="good files, or folders of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutations", type=int, default=1_000, help="files to make")
    parser.add_argument("--rows", type=int, default=40, help="lines of each at most")
    parser.add_argument(
        "--seconds", type=float, default=600, help="stop making and landing files after so long"
    )
    chosen = parser.parse_args()
    result = fuzz(
        chosen.paths, seed=chosen.seed, mutations=chosen.mutations, rows=chosen.rows, seconds=chosen.seconds
    )
    sys.stdout.write(json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n")
    return 0 if result.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
