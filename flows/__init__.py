"""The steps of the command line as Prefect flows: on a schedule, watched, with a report of each night."""

import os

# Prefect reads these when it is first imported. The server that it starts for one run needs up to half a
# minute on a busy machine, but its default is 20 seconds. And nothing is reported to anybody outside.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
