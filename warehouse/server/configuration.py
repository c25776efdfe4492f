"""The embedded server's settings, fitted to the machine."""

import os
from pathlib import Path

MEGABYTE = 1 << 20


def configuration(port: int, socket_folder: Path) -> str:
    """Return the text of `tickmart.conf`, written anew at each start.

    `postgresql.conf` includes it, so that lines added below the include, and `alter system`, win over it.
    """
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in _settings(port, socket_folder).items())


def memory_bytes() -> int:
    """Return the memory that may be used: the machine's, or the control group's limit where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(limit).read_text()))
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
    return total


def _settings(port: int, socket_folder: Path) -> dict[str, str]:
    memory = memory_bytes() // MEGABYTE
    processors = len(os.sched_getaffinity(0))
    values = {
        # Nobody else gets in: loopback and a socket in a 0700 folder, and a password on both.
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "max_connections": "50",
        "client_connection_check_interval": "5s",  # a killed client's work stops
        # memory
        "shared_buffers": f"{_clamp(memory // 4, 64, 2048)}MB",
        "effective_cache_size": f"{_clamp(memory // 2, 128, 65536)}MB",
        "work_mem": f"{_clamp(memory // 256, 8, 64)}MB",
        "maintenance_work_mem": f"{_clamp(memory // 16, 64, 1024)}MB",
        "max_locks_per_transaction": "256",  # one per chunk touched
        # Bulk loads: few checkpoints, and no WAL for a table that was made in the same transaction.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "wal_compression": "lz4",
        "wal_buffers": "16MB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        # planning
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
        "jit": "off",  # not unpacked (LLVM), and it only slows short statements
        "max_worker_processes": str(24 + processors),
        "max_parallel_workers": str(processors),
        "max_parallel_workers_per_gather": str(_clamp(processors // 2, 1, 4)),
        "max_parallel_maintenance_workers": str(_clamp(processors // 2, 1, 4)),
        "autovacuum": "on",
        "track_counts": "on",
        # TimescaleDB
        "shared_preload_libraries": "timescaledb",
        "timescaledb.telemetry_level": "off",
        "timescaledb.max_background_workers": "16",
        # Times are UTC wherever the machine stands.
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %a ",
        "lc_messages": "C",
    }
    if _shared_memory_is_small():
        values["dynamic_shared_memory_type"] = "mmap"
    return values


def _shared_memory_is_small() -> bool:
    """Containers often get a /dev/shm of 64 MB, in which a parallel hash join dies."""
    try:
        folder = os.statvfs("/dev/shm")  # noqa: S108 - only looked at
    except OSError:
        return True
    return folder.f_frsize * folder.f_blocks < 512 * MEGABYTE


def _clamp(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
