"""Runs one strategy over one instrument of an exported catalog with Nautilus' BacktestNode."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from nautilus_trader.backtest.config import (
    BacktestDataConfig,
    BacktestEngineConfig,
    BacktestRunConfig,
    BacktestVenueConfig,
)
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.node import BacktestNode
from nautilus_trader.config import ImportableActorConfig, ImportableStrategyConfig, LoggingConfig
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import IndexInstrument
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from backtests.equity import DailyEquity
from backtests.performance import Statistics, of_daily_returns, of_positions
from exporters.publish import PublishedFile, Store, copy_published, open_store, read_manifest
from warehouse.errors import TickmartError
from warehouse.exchanges import zone_of

# name on the command line -> (strategy, its config), as Nautilus imports them
STRATEGIES = {
    "sma": (
        "backtests.strategies.sma_crossover:SmaCrossover",
        "backtests.strategies.sma_crossover:SmaCrossoverConfig",
    ),
}
CHUNK_ROWS = 50_000
STARTING_BALANCE = 10_000_000


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What came of a backtest.

    Attributes
    ----------
    first_bar, last_bar : str
        Ends of the first and the last bar, UTC.
    fills : int
        An order may fill in parts, up to the volume of a bar.
    currency : str
        Of the instrument, and of the account.
    pnl : float
        Realised profit and loss of all positions, without fees, in `currency`.
    per_position : Statistics
        What the positions won and lost.
    per_day : Statistics
        How the account's daily returns behaved.
    """

    strategy: str
    catalog: str
    instrument: str
    bar_type: str
    first_bar: str
    last_bar: str
    bars: int
    orders: int
    fills: int
    positions: int
    currency: str
    pnl: float
    per_position: Statistics
    per_day: Statistics

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON writes it."""
        return asdict(self)


def run(
    strategy: str,
    catalog: str,
    *,
    instrument: str | None = None,
    bar: str | None = None,
    fast: int = 10,
    slow: int = 30,
    lots: int = 1,
) -> BacktestReport:
    """Run a strategy over an exported catalog.

    Parameters
    ----------
    strategy : str
        A name in `STRATEGIES`.
    catalog : str
        A folder or `s3://bucket/prefix` that `tickmart export nautilus` wrote.
    instrument : str or None
        A Nautilus id, such as `NIFTY_250313_22500_CE.NSE`; the venue may be left out. None: the one with the
        largest volume.
    bar : str or None
        Such as `1-MINUTE`, `15-MINUTE` or `1-DAY`. None: the shortest that the catalog holds of it.
    fast, slow : int
        Bars in the two averages.
    lots : int
        Lots per order.

    Raises
    ------
    TickmartError
        No such data in the catalog, files that are not what its manifest lists, or an engine that was served
        fewer bars than the catalog holds.

    Notes
    -----
    The instrument's files are copied by the manifest first, so that an export to the catalog at the same
    time, or one that stopped midway, changes nothing under the engine.
    """
    if strategy not in STRATEGIES:
        raise TickmartError(f"unknown strategy {strategy}; known: {', '.join(STRATEGIES)}.")
    if not 0 < fast < slow:
        raise TickmartError(f"--fast {fast} must be smaller than --slow {slow}, and both positive.")
    store = open_store(catalog)
    files = _files_of_bars(store)
    bars_held = _lengths(files, instrument)
    if not bars_held or (bar is not None and bar not in bars_held):
        holds = f"; it holds {', '.join(bars_held)}" if bars_held else ""
        raise TickmartError(
            f"{store.uri} is no catalog with {bar or 'any'} bars{holds}."
            + ("" if holds else f" Write one: tickmart export nautilus --to {store.uri}")
        )
    bar = bar or bars_held[0]
    chosen = _instrument(store.uri, files, instrument, bar)
    with tempfile.TemporaryDirectory(prefix="tickmart-") as scratch:
        _copy(store, chosen, bar, Path(scratch))
        return _run(strategy, store.uri, chosen, bar, fast, slow, lots, Path(scratch))


def _run(
    strategy: str, uri: str, chosen: str, bar: str, fast: int, slow: int, lots: int, copy: Path
) -> BacktestReport:
    bar_type = f"{chosen}-{bar}-LAST-EXTERNAL"
    held = _bars_held(copy, bar_type)
    venue = chosen.rsplit(".", 1)[1]
    (definition,) = ParquetDataCatalog(copy).instruments(instrument_ids=[chosen])
    if isinstance(definition, IndexInstrument):
        raise TickmartError(f"{chosen} is an index, which nobody buys. Name what is traded: --instrument")
    currency = str(definition.quote_currency)
    strategy_path, config_path = STRATEGIES[strategy]
    node = BacktestNode(
        [
            BacktestRunConfig(
                engine=BacktestEngineConfig(
                    strategies=[
                        ImportableStrategyConfig(
                            strategy_path=strategy_path,
                            config_path=config_path,
                            config={
                                "instrument_id": chosen,
                                "bar_type": bar_type,
                                "fast": fast,
                                "slow": slow,
                                "lots": lots,
                            },
                        )
                    ],
                    actors=[
                        ImportableActorConfig(
                            actor_path="backtests.equity:DailyEquity",
                            config_path="backtests.equity:DailyEquityConfig",
                            config={
                                "instrument_id": chosen,
                                "bar_type": bar_type,
                                "time_zone": zone_of(venue).key,
                            },
                        )
                    ],
                    logging=LoggingConfig(bypass_logging=True),
                ),
                venues=[
                    BacktestVenueConfig(
                        name=venue,
                        oms_type="NETTING",
                        account_type="MARGIN",
                        base_currency=currency,
                        starting_balances=[f"{STARTING_BALANCE} {currency}"],
                    )
                ],
                data=[
                    BacktestDataConfig(
                        catalog_path=str(copy),
                        data_cls="nautilus_trader.model.data:Bar",
                        instrument_id=chosen,
                        bar_spec=f"{bar}-LAST",
                    )
                ],
                chunk_size=CHUNK_ROWS,  # streams, so that memory does not grow with the catalog
                raise_exception=True,
                dispose_on_completion=False,
            )
        ]
    )
    try:
        node.run()
        engine = node.get_engines()[0]
        received = engine.trader.strategies()[0].bars_received
        if received != held[0]:
            raise TickmartError(
                f"{uri} holds {held[0]} bars of {bar_type} and the backtest was served {received}."
                " Export the catalog again."
            )
        orders = engine.trader.generate_orders_report()
        fills = engine.trader.generate_fills_report()
        positions = engine.cache.positions()
        closed_snapshots = engine.cache.position_snapshots()
        profits = [
            position.realized_pnl.as_double()
            for position in [*positions, *closed_snapshots]
            if position.realized_pnl is not None
        ]
        return BacktestReport(
            strategy,
            uri,
            chosen,
            bar_type,
            held[1],
            held[2],
            received,
            len(orders),
            len(fills),
            len(positions) + len(closed_snapshots),
            currency,
            round(sum(profits), 2),
            of_positions(profits),
            of_daily_returns(_daily_returns(engine, chosen)),
        )
    finally:
        node.dispose()  # type: ignore[no-untyped-call]


def _copy(store: Store, instrument: str, bar: str, folder: Path) -> None:
    """Copy an instrument's definition and bars, as one export left them: Nautilus lists what there is."""
    bars = f"data/bar/{instrument}-{bar}-LAST-EXTERNAL/"
    copy_published(
        store,
        folder,
        lambda file: (
            (file.exporter, file.instrument) == ("nautilus", instrument)
            and (file.partition is None or file.path.startswith(bars))
        ),
    )


def _daily_returns(engine: BacktestEngine, instrument: str) -> list[float]:
    (equity,) = (actor for actor in engine.trader.actors() if isinstance(actor, DailyEquity))
    by_day = dict(sorted(equity.by_day.items()))
    if by_day:  # the strategy closes what is open after the last bar
        account = engine.portfolio.account(InstrumentId.from_str(instrument).venue)
        by_day[max(by_day)] = account.balance_total(account.base_currency).as_double()
    return [after / before - 1 for before, after in pairwise([float(STARTING_BALANCE), *by_day.values()])]


def _files_of_bars(store: Store) -> list[PublishedFile]:
    manifest = read_manifest(store)
    return [
        file
        for file in (manifest.files.values() if manifest else ())
        if file.exporter == "nautilus" and file.path.startswith("data/bar/")
    ]


def _is_named(instrument: str, wanted: str) -> bool:
    return wanted in (instrument, instrument.rpartition(".")[0])


def _lengths(files: Sequence[PublishedFile], wanted: str | None) -> list[str]:
    """Return the lengths of the bars of an instrument, or of what was traded, the shortest first."""
    from nautilus_trader.model.data import BarType

    # what was traded, where nobody names an instrument
    chosen = [file for file in files if (_is_named(file.instrument or "", wanted) if wanted else file.volume)]
    types = {file.path.split("/")[2] for file in chosen or files}
    specs = {
        str(spec).removesuffix("-LAST"): spec for spec in (BarType.from_str(name).spec for name in types)
    }
    return sorted(specs, key=lambda name: specs[name].timedelta)


def _instrument(uri: str, files: Sequence[PublishedFile], wanted: str | None, bar: str) -> str:
    volumes: dict[str, int | float] = {}
    for file in files:
        if file.instrument and f"-{bar}-LAST-EXTERNAL/" in file.path:
            volumes[file.instrument] = volumes.get(file.instrument, 0) + (file.volume or 0)
    if wanted is None:
        best = max(sorted(volumes), key=volumes.__getitem__)
        if not volumes[best]:
            raise TickmartError(f"nothing in {uri} was traded. Name an instrument: --instrument {best}")
        return best
    found = [name for name in volumes if _is_named(name, wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise TickmartError(f"{uri} has {wanted} of several venues: {', '.join(sorted(found))}.")
    near = sorted(volumes, key=lambda name: (-volumes[name], name))[:5]
    raise TickmartError(f"{uri} has no {bar} bars of {wanted}. Most traded there: {', '.join(near)}.")


def _bars_held(catalog: Path, bar_type: str) -> tuple[int, str, str]:
    rows, first, last = 0, None, None
    for path in sorted((catalog / "data/bar" / bar_type).iterdir()):
        parquet = pq.ParquetFile(path)
        rows += parquet.metadata.num_rows
        for group in range(parquet.metadata.num_row_groups):
            stamps = parquet.metadata.row_group(group).column(parquet.schema_arrow.get_field_index("ts_init"))
            first = stamps.statistics.min if first is None else first
            last = stamps.statistics.max
    return rows, _readable(first), _readable(last)


def _readable(stamp: int | None) -> str:
    return "" if stamp is None else pd.Timestamp(stamp, unit="ns").strftime("%Y-%m-%d %H:%M:%S")
