"""What wrote an export."""

import importlib.metadata
import subprocess

from warehouse.settings import PROJECT_FOLDER


def versions() -> dict[str, str | None]:
    """Return what wrote an export: versions of tickmart, its git commit, and dbt."""
    return {
        "tickmart": importlib.metadata.version("tickmart"),
        "git": _git_commit(),
        "dbt": _dbt_version(),
    }


def _git_commit() -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(PROJECT_FOLDER), "rev-parse", "HEAD"],  # noqa: S607 git is where PATH says
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _dbt_version() -> str | None:
    # the manifest of the last build says which dbt really built the marts
    try:
        with (PROJECT_FOLDER / "target" / "manifest.json").open() as file:
            head = file.read(2000)
        start = head.index('"dbt_version"')
        return head[start:].split('"')[3]
    except (OSError, ValueError, IndexError):
        pass
    try:
        return importlib.metadata.version("dbt-core")
    except importlib.metadata.PackageNotFoundError:
        return None
