"""Put the nights on a Prefect server: work pool, deployments of prefect.yaml, and what watches over them.

    make deploy

It may be run again at any time: what is there already is brought up to date.
"""

import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import typer
import yaml
from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import Posture
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, get_current_settings

from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER

FLOW = "nightly"  # of every deployment in prefect.yaml
WORK_POOL = "local"

# A worker starts a flow within a minute, five on a machine that is very busy.
_LONGEST_START = timedelta(minutes=10)
# One or two late heartbeats do not mean that a run is dead.
_HEARTBEATS_MISSED = 4

_ENDED = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
_HEARTBEAT = "prefect.flow-run.heartbeat"


def deploy() -> None:
    """Make work pool, deployments of prefect.yaml and automations on the server of PREFECT_API_URL.

    Raises
    ------
    TickmartError
        No server is named, it is not there, or Prefect refuses a step; its own words are on stderr by then.
    """
    server = PREFECT_API_URL.value()
    if not server:
        raise TickmartError(
            "no Prefect server is named: start one (prefect server start) and name it"
            " (export PREFECT_API_URL=http://127.0.0.1:4200/api), then deploy again"
        )
    try:
        with get_client(sync_client=True) as client:
            if not _has_work_pool(client):
                _prefect("work-pool", "create", WORK_POOL, "--type", "process")
            _prefect("deploy", "--all")
            for automation in automations(_deployments(client)):
                _keep(client, automation)
    except httpx.HTTPError as error:
        says = f"the Prefect server at {server} does not do it: {error}"
        raise TickmartError(_without_credentials(says, server)) from error


def automations(deployments: Sequence[UUID]) -> list[AutomationCore]:
    """Return automations that free the place of a night whose process died unseen, so that the next one runs.

    A worker reports a flow that dies. If the worker died too, with the machine or by `kill -9`, the run would
    stay `Running` for ever or, if the flow had not begun, `Pending`.

    Parameters
    ----------
    deployments : sequence of UUID
        The deployments whose runs are watched. A server may be shared, and others may have a flow of the same
        name.
    """
    every = get_current_settings().flows.heartbeat_frequency
    if every is None:
        raise TickmartError("nights send no heartbeats: set flows.heartbeat_frequency in prefect.toml")
    return [
        _crash(
            "nights that fell silent",
            f"No heartbeat for {_HEARTBEATS_MISSED * every} seconds: its process is gone.",
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *_ENDED},
            within=timedelta(seconds=_HEARTBEATS_MISSED * every),
            deployments=deployments,
        ),
        _crash(
            "nights that never began",
            "Taken by a worker that never started it.",
            after={"prefect.flow-run.Pending"},
            expect={"prefect.flow-run.Running", *_ENDED},
            within=_LONGEST_START,
            deployments=deployments,
        ),
    ]


def _crash(
    name: str,
    message: str,
    after: set[str],
    expect: set[str],
    within: timedelta,
    deployments: Sequence[UUID],
) -> AutomationCore:
    return AutomationCore(
        name=f"tickmart: {name}",
        description=message,
        trigger=EventTrigger(
            after=after,
            expect=expect,
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={
                "prefect.resource.role": "deployment",
                "prefect.resource.id": [f"prefect.deployment.{deployment}" for deployment in deployments],
            },
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message=message, force=False)],
    )


def _has_work_pool(client: SyncPrefectClient) -> bool:
    try:
        client.read_work_pool(WORK_POOL)
    except ObjectNotFound:
        return False
    return True


def _deployments(client: SyncPrefectClient) -> list[UUID]:
    declared = yaml.safe_load((PROJECT_FOLDER / "prefect.yaml").read_text())["deployments"]
    return [client.read_deployment_by_name(f"{FLOW}/{deployment['name']}").id for deployment in declared]


def _keep(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    there = client.read_automations_by_name(wanted.name)
    for superfluous in there[1:]:
        client.delete_automation(superfluous.id)
    if not there:
        client.create_automation(wanted)
    elif not _does_the_same(there[0], wanted):
        # An update makes the server forget which runs it was watching.
        client.update_automation(there[0].id, wanted)
    typer.echo(f"automation '{wanted.name}' {'is up to date' if there else 'made'}")


def _does_the_same(one: AutomationCore, other: AutomationCore) -> bool:
    decided_here = ("description", "enabled", "trigger", "actions")
    return all(getattr(one, field) == getattr(other, field) for field in decided_here)


def _without_credentials(text: str, address: str) -> str:
    credentials, at, _ = urlsplit(address).netloc.rpartition("@")
    return text.replace(credentials + at, "") if at else text


def _prefect(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments], cwd=PROJECT_FOLDER, check=False
    )
    if done.returncode != 0:
        raise TickmartError(f"prefect {' '.join(arguments)} failed")


if __name__ == "__main__":
    try:
        deploy()
    except TickmartError as error:
        sys.exit(f"error: {error}")
