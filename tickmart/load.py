"""`tickmart load`: land vendor files in the raw tables."""

import inspect
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, TaskID, TimeRemainingColumn, TransferSpeedColumn
from typer.core import TyperGroup

from loaders.landing import Listener, Outcome, Report, land
from loaders.landing.checking import Verdict, check
from loaders.landing.finding import ANYBODYS_LINES, files_by_source, files_of, what_applies
from loaders.source import LoadOption, Source
from loaders.sources import SOURCES
from tickmart.output import number, show_json
from tickmart.progress import PlainText, progress_bar
from warehouse.errors import TickmartError
from warehouse.options import date_option
from warehouse.paths import local_path

# The command behind `tickmart load PATH…`: the header of each file says its source.
_BY_HEADER = "by-header"


class _Sources(TyperGroup):
    """A first word that is a source is the source; any other is a path."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *self.get_help_option_names(ctx), "--list-layouts"):
            is_mistyped = re.fullmatch(r"[a-z][a-z-]*[a-z]", args[0]) and not Path(args[0]).exists()
            args = args if is_mistyped else [_BY_HEADER, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Sources,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Land vendor files in the raw tables: tickmart load PATH… finds the source of each file.",
)

_A_LINE_EVERY = 10.0
_MOST_SKIPPED = 20


def _list_layouts(wanted: bool) -> None:
    if not wanted:
        return
    for source in SOURCES.values():
        typer.echo(f"{source.name}: {source.description}")
        for layout in source.layouts:
            typer.echo(f"  {layout.name} ({len(layout.header())} columns; those in brackets may be missing)")
            typer.echo(f"    {','.join(layout.header())}")
            typer.echo(f"    {layout.example}")
    raise typer.Exit


@app.callback()
def _load(
    list_layouts: Annotated[
        bool,
        typer.Option(
            "--list-layouts", is_eager=True, callback=_list_layouts, help="Show every layout and end."
        ),
    ] = False,
) -> None:
    """Land vendor files in the raw tables: each file whole or not at all, each line a row or a reject."""


def _add_command(source: Source) -> None:
    def command(
        paths: Annotated[
            list[str],
            typer.Argument(help=f"Files (plain, {', '.join(source.suffixes[2:])}), folders or patterns."),
        ],
        check_only: Annotated[
            bool,
            typer.Option("--check", help="Read and judge the files, land nothing; needs no database."),
        ] = False,
        force: Annotated[
            bool,
            typer.Option(
                "--force",
                help="Land again what is there; let a file without rows replace one with rows, and rows"
                " have the day of the file's name with day and month swapped.",
            ),
        ] = False,
        as_of: Annotated[
            date | None,
            date_option("The exchange's day that the files show", hidden=not source.undated),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Write the outcome of each file as JSON.")
        ] = False,
        guess_to: Annotated[
            Path | None,
            typer.Option(
                "--guess",
                metavar="FILE",
                hidden=source.recognise is None,
                help="Write what is known of the first file as a mapping, for --mapping; land nothing.",
            ),
        ] = None,
        **given: str | bool | None,
    ) -> None:
        options = said_of(given)
        if guess_to is not None:
            _write_guess(source, paths, options, guess_to)
            return
        listener = listener_of(quiet=as_json)
        if check_only:
            with listener:
                verdicts = check(
                    source.name, paths, as_of=as_of, options=options, force=force, listener=listener
                )
            _show_verdicts(verdicts, as_json)
            return
        with listener:
            report = land(source.name, paths, force=force, as_of=as_of, options=options, listener=listener)
        conclude(report, as_json)

    take_options(command, source.options)
    app.command(source.name, help=source.description)(command)


def said_of(given: Mapping[str, str | bool | None]) -> dict[str, str]:
    """Return the options that were said, in the form in which a source takes them."""
    return {name: "true" if value is True else str(value) for name, value in given.items() if value}


def _write_guess(source: Source, paths: Sequence[str], options: Mapping[str, str], to: Path) -> None:
    from loaders.recognising.guess import guess  # only who asks for it waits for it

    if source.recognise is None:
        raise typer.BadParameter(f"the layouts of {source.name} are known", param_hint="'--guess'")
    said = source.checked_options(options)
    for file in files_of(source, paths):
        text = guess(source, file, said)
        try:
            with local_path(to).open("x", encoding="utf-8") as mapping:
                mapping.write(text)
        except OSError as error:
            raise TickmartError(f"cannot write {to}: {error.strerror}") from error
        typer.echo(f"{to} says how {file.name} is read. Check it, then:")
        typer.echo(f"tickmart load {source.name} --mapping {shlex.quote(str(to))} {shlex.quote(paths[0])}")
        return
    raise TickmartError(f"there is no data file at {paths[0]}")


def _load_by_header(
    paths: Annotated[list[str], typer.Argument(help="Files, folders or patterns.")],
    check_only: Annotated[
        bool, typer.Option("--check", help="Read and judge the files, land nothing; needs no database.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="As for the source of each file.")] = False,
    as_of: Annotated[date | None, date_option("The exchange's day that undated files show")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the outcome of each file as JSON.")] = False,
    **given: str | bool | None,
) -> None:
    options = said_of(given)
    verdicts: list[Verdict] = []
    report = Report()
    errors: list[str] = []
    listener = listener_of(quiet=as_json)
    with listener:
        for name, files in files_by_source(paths).items():
            day, said = what_applies(SOURCES[name], as_of, options)
            if not as_json:
                typer.echo(f"{name}: {number(len(files), 'file')}")
            try:
                if check_only:
                    verdicts += check(name, files, as_of=day, options=said, force=force, listener=listener)
                else:
                    report.outcomes.extend(
                        land(name, files, force=force, as_of=day, options=said, listener=listener).outcomes
                    )
            except TickmartError as error:
                errors.append(str(error))
    for text in errors:
        typer.echo(f"error: {text}", err=True)
    if check_only:
        _show_verdicts(verdicts, as_json)
    else:
        conclude(report, as_json)
    if errors:
        raise typer.Exit(1)


def take_options(command: Callable[..., None], options: Sequence[LoadOption]) -> None:
    """Give a command, in place of its `**given`, the options that a source takes."""
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    added = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                bool | None if option.is_flag else str | None,
                typer.Option(f"--{option.name}", help=option.description, show_default=False),
            ],
        )
        for option in options
    ]
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ |= {parameter.name: parameter.annotation for parameter in added}


for _source in SOURCES.values():
    _add_command(_source)
take_options(_load_by_header, SOURCES[ANYBODYS_LINES].options)
app.command(_BY_HEADER, hidden=True, help="Land files, each as its header says.")(_load_by_header)


def _show_verdicts(verdicts: list[Verdict], as_json: bool) -> None:
    if as_json:
        show_json([asdict(verdict) for verdict in verdicts])
    else:
        few = _Few()
        for verdict in verdicts:
            if few.takes(verdict.status):
                _show_verdict(verdict)
        bad = sum(verdict.status == "failed" for verdict in verdicts)
        good = sum(verdict.status not in ("failed", "skipped") for verdict in verdicts)
        typer.echo(
            f"{number(good, 'file')} would land: {number(sum(v.rows for v in verdicts), 'row')},"
            f" {sum(v.rejected for v in verdicts):,} rejected{_passed_over(len(verdicts) - good - bad)};"
            f" {bad:,} would fail. Nothing was landed."
        )
    for verdict in verdicts:
        if verdict.status == "failed":
            typer.echo(f"error: {verdict.error}", err=True)
        if verdict.fits_nowhere:
            lines = number(verdict.rejected, "line")
            typer.echo(f"error: none of the {lines} of {verdict.name} fits its header", err=True)
    if any(verdict.status == "failed" or verdict.fits_nowhere for verdict in verdicts):
        raise typer.Exit(1)


def _show_verdict(verdict: Verdict) -> None:
    match verdict.status:
        case "failed":
            typer.echo(f"{verdict.name}: would fail")
        case "skipped":
            typer.echo(f"{verdict.name}: would be skipped, {verdict.error}")
        case _:
            rejected = f", {verdict.rejected:,} rejected" if verdict.rejected else ""
            blank = f", {number(verdict.blank, 'blank line')}" if verdict.blank else ""
            latin1 = f", {verdict.latin1_lines:,} read as latin-1" if verdict.latin1_lines else ""
            rows = number(verdict.rows, "row")
            notes = "".join(f"; {note}" for note in verdict.notes)
            typer.echo(f"{verdict.name}: {rows}{rejected}{blank}{latin1} (layout {verdict.layout}){notes}")
            for line in verdict.preview:
                typer.echo(f"  {line}")
            for reject in verdict.rejects:
                typer.echo(f"  line {reject.line}: {reject.reason}")
            if verdict.rejected > len(verdict.rejects):
                typer.echo(f"  and {verdict.rejected - len(verdict.rejects):,} more")


def conclude(report: Report, as_json: bool) -> None:
    """Show what became of all files, and exit with 1 where one of them failed."""
    if as_json:
        show_json([asdict(outcome) for outcome in report.outcomes])
    else:
        typer.echo(_summary(report))
    for outcome in report.outcomes:
        if outcome.status == "failed":
            typer.echo(f"error: {outcome.error}", err=True)
        if outcome.fits_nowhere:
            typer.echo(
                f"error: none of the {number(outcome.rejected, 'line')} of {outcome.name} fits its header;"
                f" why, line by line: tickmart rejects {outcome.load_id}",
                err=True,
            )
    if report.count("failed") or any(outcome.fits_nowhere for outcome in report.outcomes):
        raise typer.Exit(1)


def _summary(report: Report) -> str:
    files = report.count("loaded") + report.count("empty")
    parts = [
        f"{number(files, 'file')} landed: {number(report.rows, 'row')}",
        f"{report.rejected:,} rejected",
    ]
    for status, words in (("empty", "without rows"), ("already loaded", "already loaded")):
        if report.count(status):
            parts.append(f"{report.count(status):,} {words}")
    summary = ", ".join(parts) + _passed_over(report.count("skipped"))
    return f"{summary}, {report.count('failed'):,} failed"


def _passed_over(count: int) -> str:
    return f", {count:,} skipped" if count else ""


class _Few:
    """Which outcomes are shown by name: all but the skipped ones, and the first of the skipped ones."""

    def __init__(self) -> None:
        self._skipped = 0

    def takes(self, status: str) -> bool:
        self._skipped += status == "skipped"
        if status == "skipped" and self._skipped == _MOST_SKIPPED + 1:
            typer.echo("more files are skipped than are named here; --json names all")
        return status != "skipped" or self._skipped <= _MOST_SKIPPED


def _line(outcome: Outcome) -> str:
    match outcome.status:
        case "loaded" | "empty":
            rejected = f", {outcome.rejected:,} rejected" if outcome.rejected else ""
            if outcome.continues:
                earlier = f", continues load {outcome.continues}"
            else:
                earlier = f", restates load {outcome.restates}" if outcome.restates else ""
            notes = "".join(f"; {note}" for note in outcome.notes)
            how = f"load {outcome.load_id}, layout {outcome.layout}{earlier}, {outcome.seconds:.2f} s"
            return f"{outcome.name}: {number(outcome.rows, 'row')}{rejected} ({how}){notes}"
        case "already loaded":
            return f"{outcome.name}: already loaded (load {outcome.load_id})"
        case "skipped":
            return f"{outcome.name}: skipped, {outcome.error}"
        case _:
            return f"{outcome.name}: failed"


class _Plain(Listener):
    """One line per file, and for a long one a line now and then."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._total = self._before = self._now = self._size = 0
        self._spoke = time.monotonic()
        self._began = self._spoke
        self._few = _Few()

    def __enter__(self) -> "_Plain":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def expects(self, size: int) -> None:
        self._total = size

    def starts(self, name: str, size: int) -> None:
        self._before += self._size
        self._name, self._size, self._now = name, size, 0

    def rereads(self) -> None:
        self._now = 0

    def reads(self, size: int) -> None:
        self._now = min(self._now + size, self._size)
        if not self._quiet and time.monotonic() - self._spoke > _A_LINE_EVERY:
            self._spoke = time.monotonic()
            done = self._before + self._now
            rate = done / (self._spoke - self._began)
            typer.echo(
                f"{self._name}: {done / max(self._total, 1):.0%} of all files read, {rate / 1e6:.0f} MB/s,"
                f" {(self._total - done) / max(rate, 1):.0f} s left",
                err=True,
            )

    def waits(self, for_what: str) -> None:
        if not self._quiet:
            typer.echo(f"waiting: {for_what}", err=True)

    def ends(self, outcome: Outcome) -> None:
        if not self._quiet and self._few.takes(outcome.status):
            typer.echo(_line(outcome))


class _Bar(Listener):
    """A bar over the bytes of all files, with rate and time left; a line per file above it."""

    def __init__(self) -> None:
        self._progress = progress_bar(
            PlainText("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._task: TaskID = self._progress.add_task("", total=None)
        self._before = self._now = self._size = 0
        self._few = _Few()

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expects(self, size: int) -> None:
        self._progress.update(self._task, total=size)

    def starts(self, name: str, size: int) -> None:
        self._before += self._size
        self._size, self._now = size, 0
        self._progress.update(self._task, description=name, completed=self._before)

    def rereads(self) -> None:
        self._now = 0
        self._progress.update(self._task, completed=self._before)

    def reads(self, size: int) -> None:
        self._now = min(self._now + size, self._size)
        self._progress.update(self._task, completed=self._before + self._now)

    def waits(self, for_what: str) -> None:
        self._progress.update(self._task, description=f"waiting: {for_what}")

    def ends(self, outcome: Outcome) -> None:
        if self._few.takes(outcome.status):
            typer.echo(_line(outcome))


def listener_of(quiet: bool) -> _Plain | _Bar:
    """Return what shows the progress: a bar on a terminal, lines elsewhere."""
    return _Bar() if sys.stderr.isatty() and not quiet else _Plain(quiet)
