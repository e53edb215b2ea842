"""A whole evaluation: from what is wanted to a folder with its results."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rlm import __version__
from rlm.agent.ask import budget_of
from rlm.agent.budget import AT_ONCE, Budget
from rlm.agent.calibrator import Calibrator, calibrator_for
from rlm.agent.choose import BUILTIN, Choice, choose_model, choose_preset
from rlm.agent.make_models import address_of, make_models
from rlm.agent.session import Jail, default_jail
from rlm.agent.text import counted
from rlm.config import Config, load_config
from rlm.errors import UsageError
from rlm.evaluation import header as about
from rlm.evaluation.attempt import Means
from rlm.evaluation.cluster import Cluster, Plan, connected
from rlm.evaluation.dataset import DataSet, load_reader
from rlm.evaluation.folder import HEADER, RunFolder, dollars, read_header, read_results
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.items import Item
from rlm.evaluation.jails import jails
from rlm.evaluation.judge import Judge
from rlm.evaluation.judging import MakeJudge, check_judge, make_judge
from rlm.evaluation.purse import Purse, item_cap
from rlm.evaluation.repeats import MakeModels, RepeatModels
from rlm.evaluation.results import Key, RunHeader, Sitting
from rlm.evaluation.runner import Ending, Run, Watch
from rlm.evaluation.standing import Standing
from rlm.evaluation.supply import Job
from rlm.evaluation.systems import System, load_system

HOSTED = 16
"""Workers where a model elsewhere does the work."""
SPARES = 4
"""Jails kept ready."""


@dataclass(frozen=True)
class Evaluation:
    """What to run.

    ``dataset`` is the name of a reader, ``annotations`` what it reads, ``videos`` the folder of the
    videos. Of the questions, those of ``category`` are taken, and of these ``limit`` from
    ``offset`` on, each ``repeats`` times. ``workers`` is ``None`` for as many as suit the model;
    with ``cluster`` they are where :func:`rlm.evaluation.cluster.connected` says. ``judge`` is the
    language model that judges open answers. ``max_usd`` is for the whole run, ``item_usd`` for a
    question. ``settings`` are those of the models and further limits, as in
    :class:`~rlm.config.Config`. ``retry_failed`` asks again what ended in a failure.
    """

    dataset: str
    annotations: Path
    videos: Path
    system: str = "loop"
    model: str | None = None
    api_base: str | None = None
    preset: str | None = None
    judge: str | None = None
    limit: int | None = None
    offset: int = 0
    category: str | None = None
    repeats: int = 1
    seed: int | None = None
    workers: int | None = None
    cluster: str | None = None
    max_usd: float | None = None
    item_usd: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    output: Path | None = None
    retry_failed: bool = False
    unsafe: bool = False


@dataclass(frozen=True)
class Evaluated:
    """How it ended: ``standing`` counts the last result of every question, ``left`` are unasked."""

    folder: Path
    header: RunHeader
    ending: Ending
    standing: Standing
    left: int


def evaluate(
    wanted: Evaluation,
    watch: Watch,
    data: DataSet | None = None,
    config: Config | None = None,
    make: MakeModels = make_models,
    make_judge: MakeJudge = make_judge,
) -> Evaluated:
    """Run what is ``wanted``, or finish it where it was begun; ``watch`` is told how it goes.

    ``data`` is what was read already; ``make`` makes the language models of a repeat, and
    ``make_judge`` the judge.

    Raises ``UsageError`` for what makes no sense and for a folder that holds another run, what
    :meth:`rlm.evaluation.runner.Run.work` raises, and any other ``VideoRLMError`` that concerns all
    questions, before the first of them is asked.
    """
    config = (config or load_config()).having(**wanted.settings, seed=wanted.seed)
    system = load_system(wanted.system)
    data = data or load_reader(wanted.dataset).read(wanted.annotations, wanted.videos)
    items = select(data.items, wanted)
    for note in (*data.notes, data.told_missing()):
        if note:
            watch.say(note)
    choice = choose_model(wanted.model, config) if system.needs.model else None
    calibrator = calibrator_for(
        config.calibrator, system.name, choice.name if choice else "", watch.say
    )
    preset = choose_preset(wanted.preset, config).name if system.needs.index else None
    output = wanted.output or default_output(data.name, system.name, choice)
    budget = _budget(wanted, config, output, len(items) * wanted.repeats)
    with ExitStack() as stack:
        nodes = stack.enter_context(connected(wanted.cluster)) if wanted.cluster else None
        workers = wanted.workers or _suited(choice, nodes)
        models = RepeatModels(
            choice, wanted.api_base, config, wanted.repeats, max(workers, AT_ONCE), watch.say, make
        )
        models.check(budget)
        judge = None
        if wanted.judge is not None:
            address = address_of(wanted.judge, choice.name, models.api_base) if choice else None
            judge = make_judge(wanted.judge, address, config, workers)
            check_judge(judge, wanted.max_usd)
            if judge.model.price(1, 1) is None:
                watch.say(f"no price is known for the judge {judge.name}")
        jail: Jail = default_jail
        head = _header(wanted, data, items, models, system, preset, budget, calibrator)
        prepare, abort = _nobody, _nothing
        if system.needs.jail:
            level: Literal["none", "auto"] = "none" if wanted.unsafe else "auto"
            reserve = stack.enter_context(jails(wanted.seed or 0, min(workers, SPARES), level))
            if reserve.notice:
                watch.say(f"sandbox: {reserve.level} ({reserve.notice})")
            head = head.model_copy(update={"sandbox_level": reserve.level})
            jail, prepare, abort = reserve, reserve.prepare, reserve.kill
        elsewhere = None
        if nodes is not None:
            plan = Plan(
                system=wanted.system,
                budget=budget,
                choice=choice,
                api_base=models.api_base,
                config=models.config,
                repeats=wanted.repeats,
                preset=preset,
                sandbox_level=head.sandbox_level,
                seed=wanted.seed,
                calibrator=calibrator,
                videos=wanted.videos.absolute(),
                make=make,
            )
            elsewhere = nodes.asking(plan, output, workers)
        sitting = _sitting(wanted, workers, _silence(choice, config))
        folder = stack.enter_context(RunFolder.opened(output, head, sitting))
        if cut_off := folder.remove_cut_off():
            watch.say(f"{counted(cut_off, 'transcript')} of questions that were cut off: removed")
        done, standing, spent = _so_far(folder, wanted.retry_failed)
        run = Run(
            jobs=[job for job in _jobs(items, wanted.repeats) if job.key not in done],
            means=Means(
                system, budget, jail, models.of, output, wanted.videos, wanted.seed, calibrator
            ),
            folder=folder,
            indexes=None if preset is None or nodes else Indexes(preset, config.cache),
            missing=data.missing,
            workers=workers,
            purse=Purse(wanted.max_usd, _most(wanted.max_usd, budget.usd, judge), spent),
            throttle=models.throttle,
            standing=standing,
            watch=watch,
            elsewhere=elsewhere,
            judge=judge,
            abort=abort,
        )
        if run.jobs:
            _tell_changes(folder.header.sittings, watch.say)
        models.replied = run.replied
        prepare(min(workers, len(run.jobs)))
        watch.say(_opening(head, run, output))
        ending = run.work()
    return Evaluated(output, folder.header, ending, standing, run.left)


def _opening(head: RunHeader, run: Run, output: Path) -> str:
    """What begins, in a line."""
    parts = [head.system]
    parts += [f"{part} model {name}" for part, name in head.models.items()]
    parts += [f"judge {run.judge.name}"] if run.judge else []
    parts += [f"preset {head.preset}"] if head.preset else []
    done = f", {run.standing.done} of them done" if run.standing.done else ""
    parts.append(f"{counted(run.total, 'question')}{done}")
    parts.append(counted(run.workers, "worker"))
    return f"{', '.join(parts)}, into {output}"


def select(items: Sequence[Item], wanted: Evaluation) -> list[Item]:
    """The questions that are wanted.

    Raises ``UsageError`` for an id that is told twice, a category that no item has, and where
    nothing is left.
    """
    twice = [name for name, times in Counter(item.id for item in items).items() if times > 1]
    if twice:
        raise UsageError(
            f"{wanted.annotations}: the id {twice[0]!r} is that of more than one question; results "
            "could not be told apart"
        )
    if wanted.category is not None:
        known = sorted({category for item in items for category in item.categories})
        if wanted.category not in known:
            raise UsageError(
                f"there is no category {wanted.category!r}; there are: {', '.join(known) or 'none'}"
            )
        items = [item for item in items if wanted.category in item.categories]
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    chosen = list(items[wanted.offset : end])
    if not chosen:
        raise UsageError(f"no question is left of {len(items)} after --offset {wanted.offset}")
    return chosen


def default_output(dataset: str, system: str, choice: Choice | None) -> Path:
    """Where a run goes that names no folder: the same command finds it again."""
    parts = [dataset, system, choice.name if choice else ""]
    return Path("evaluations") / re.sub(r"[^\w.-]+", "-", "-".join(filter(None, parts)))


def _nobody(number: int) -> None:
    """There are no jails to be made ready."""


def _nothing() -> None:
    """There is nothing to end."""


def _jobs(items: Sequence[Item], repeats: int) -> Iterator[Job]:
    return (
        Job(item, repeat, place) for repeat in range(repeats) for place, item in enumerate(items)
    )


def _suited(choice: Choice | None, nodes: Cluster | None) -> int:
    """Workers that suit a model: as many as there are cores, where they do all the work."""
    cores = (os.cpu_count() or 1) if nodes is None else nodes.cores
    here = choice is None or choice.name == BUILTIN
    return cores if here else HOSTED if nodes is None else max(HOSTED, cores)


def _budget(wanted: Evaluation, config: Config, output: Path, questions: int) -> Budget:
    """The limits of a question; its dollars as they were when the run began, if nobody says."""
    budget = budget_of(config)
    usd = wanted.item_usd if wanted.item_usd is not None else budget.usd
    if usd is None and wanted.max_usd is not None and (output / HEADER).exists():
        usd = read_header(output).parameters.get("max_usd")
    return replace(budget, usd=item_cap(wanted.max_usd, usd, questions))


def _most(limit: float | None, item: float | None, judge: Judge | None) -> float | None:
    """Dollars that a question may take with its verdict."""
    if limit is None or item is None or judge is None:
        return item
    return min(limit, item + judge.most_usd)


def _header(
    wanted: Evaluation,
    data: DataSet,
    items: Sequence[Item],
    models: RepeatModels,
    system: System,
    preset: str | None,
    budget: Budget,
    calibrator: Calibrator | None,
) -> RunHeader:
    chosen = ("limit", "offset", "category", "repeats", "seed")
    return RunHeader(
        videorlm=__version__,
        dataset=data.name,
        annotations=_lasting(wanted.annotations),
        annotations_sha256=about.annotations_sha256(wanted.annotations, data.items),
        videos=_lasting(wanted.videos),
        system=system.name,
        models=models.names,
        preset=preset,
        weights={} if preset is None else about.weights_of(preset),
        prompts=about.prompt_hashes(),
        parameters={
            **{name: getattr(wanted, name) for name in chosen},
            "api_base": models.api_base,
            "temperature": models.config.temperature,
            "calibrator": calibrator and calibrator.sha256,
            **getattr(system, "settings", {}),
            **{f"max_{name}": budget.as_dict()[name] for name in system.needs.limits},
        },
        questions=len(items),
        sandbox_level=None,
    )


def _lasting(path: Path) -> str:
    """A path that is good in any folder; what only names films that are made stays as it is."""
    return str(path.absolute() if path.exists() else path)


def _silence(choice: Choice | None, config: Config) -> float | None:
    """Seconds that the model may stay silent; ``None`` where none is called over a network."""
    from rlm.agent.litellm_model import SILENCE

    here = choice is None or choice.name == BUILTIN
    return None if here else config.model_timeout or SILENCE


def _sitting(wanted: Evaluation, workers: int, model_timeout: float | None) -> Sitting:
    return Sitting(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=about.commit(),
        machine=about.machine(),
        workers=workers,
        max_usd=wanted.max_usd,
        retry_failed=wanted.retry_failed,
        model_timeout=model_timeout,
        judge=wanted.judge,
        cluster=wanted.cluster,
    )


def _tell_changes(sittings: Sequence[Sitting], say: Callable[[str], None]) -> None:
    """Results of one run should come from one program and one machine: say where they do not."""
    if len(sittings) < 2:
        return
    before, now = sittings[-2:]
    for name in ("commit", "machine"):
        then, since = getattr(before, name), getattr(now, name)
        if then != since:
            say(f"warning: this run was begun with {name} {then} and goes on with {since}")


def _so_far(folder: RunFolder, retry_failed: bool) -> tuple[set[Key], Standing, float]:
    """What need not be asked, how that stands, and the dollars that all lines took."""
    done: set[Key] = set()
    standing = Standing()
    for result in read_results(folder.path):
        if result.failure is None or not retry_failed:
            done.add(result.key)
            standing.add(result)
    return done, standing, dollars(folder.path)
