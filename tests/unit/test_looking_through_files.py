"""A file of millions of rows is looked through fast and in little memory, with the answers of a slow look."""

import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loaders.landing.parquet import ParquetText
from loaders.recognising.facts import SECOND, Spacing, numbers
from loaders.recognising.times import forms_of, moments

FIRST = datetime(2025, 1, 13, 9, 15)


@pytest.mark.parametrize(
    "written",
    [
        *("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S+05:30"),
        *("%Y-%m-%dT%H:%M:%SZ", "%d/%m/%Y %H:%M:%S", "%m/%d/%y %I:%M %p", "%Y%m%d %H%M%S", "%d-%b-%Y %H:%M"),
        *("%d %b %Y %H:%M", "%Y.%m.%d %H:%M:%S UTC"),
    ],
)
def test_many_times_are_read_as_few_are(written: str) -> None:
    texts = [(FIRST + timedelta(minutes=minute)).strftime(written) for minute in range(3_000)]
    texts[7], texts[8], texts[9] = texts[7] + " ", "31/31/2025 09:15", texts[9].replace("0", "O")
    (form, *_) = forms_of(texts[:5])

    for many in (texts, texts[10:], [text for text in texts if text != texts[8]]):
        read, zoned = moments(pa.array(many), form)

        slowly = [
            moments(pa.array([*many[at : at + 1_000], "no time"]), form) for at in range(0, 3_000, 1_000)
        ]
        assert read.to_pylist() == [at for times, _ in slowly for at in times.to_pylist()[:-1]]
        told = read.is_valid()
        expected = [is_zoned for _, zones in slowly for is_zoned in zones.to_pylist()[:-1]]
        assert zoned.filter(told).to_pylist() == pa.array(expected).filter(told).to_pylist()


@pytest.mark.parametrize(
    "odd", ["", "+1", "1e5", "1e100", "1e005", "nan", "inf", " 2", "1,000.5", "0x10", "1_000", "abc", "-.5"]
)
def test_a_number_is_read_alike_whatever_stands_beside_it(odd: str) -> None:
    beside = numbers(pa.array([odd, "22545.90"]))
    among_words = numbers(pa.array([odd, "22545.90", "no number"]))

    assert beside.to_pylist() == among_words.to_pylist()[:2]
    assert beside[1].as_py() == 22545.9


def test_spacings_of_any_number_of_lengths_take_bounded_memory() -> None:
    spacing = Spacing()
    minutes = np.arange(200) * 60 * SECOND
    odd = np.cumsum(np.arange(1, 320_000)) % (80_000 * SECOND)

    spacing.look_at(None, minutes, np.zeros(len(minutes)))
    for batch in np.split(np.sort(odd)[:319_000], 11):
        spacing.look_at(None, batch + 86_400 * SECOND, np.zeros(len(batch)))

    assert len(spacing.within_days) <= 100_000
    assert spacing.within_days[60 * SECOND] == 199


def test_a_row_group_of_parquet_is_never_whole_in_memory(tmp_path: Path) -> None:
    prices = np.random.Generator(np.random.PCG64(1)).random((4, 1_000_000))
    file = tmp_path / "bars.parquet"
    pq.write_table(pa.table(list(prices), names=["open", "high", "low", "close"]), file)
    with file.open("rb") as stream:
        text = ParquetText(stream, file.name)
    tracemalloc.start()
    try:
        next(text.columns(text.names))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < file.stat().st_size / 4


def test_a_day_that_is_written_as_a_midnight_is_that_date_whatever_its_zone() -> None:
    texts = ["2025-03-10 00:00:00+05:30", "2025-03-11 00:00:00+05:30"]
    (form, *_) = forms_of(texts)

    read, _ = moments(pa.array(texts), form.of_days())

    assert read.to_pylist() == [datetime(2025, 3, 10), datetime(2025, 3, 11)]
