"""``videorlm probe``: fit a probe on labelled spans, measure one, import one, list them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.agent.choose import choose_preset
from rlm.agent.indexing import open_index
from rlm.agent.text import counted
from rlm.commands.output import DONE, progress_bar, say
from rlm.config import load_config
from rlm.errors import UsageError, VideoError
from rlm.ui.console import Screen, clean

if TYPE_CHECKING:
    from rlm.encoders import EncoderSpec
    from rlm.index import VideoIndex
    from rlm.prediction.fewshot import Fitted
    from rlm.prediction.labelled import LabelledSpan, SpanTokens
    from rlm.prediction.scores import Confusion
    from rlm.spans import Span

LEAST_HELD, MOST_HELD = 0.05, 0.5
"""Share of the spans that may be held out to measure on."""


def train(file: Path, *, task: str, preset: str | None, seed: int, held_out: float) -> int:
    """Fit a probe on the spans of ``file``, print how it does, and register it for ``task``.

    Raises ``UsageError`` for a task that the weights bring a probe for themselves, spans that
    cannot be read or split, and a model that is no V-JEPA 2; what an index raises, for the videos.
    """
    from rlm.encoders import find_weights
    from rlm.encoders.probe_files import (
        ProbeCard,
        Trained,
        check_task,
        default_root,
        save_probe,
    )
    from rlm.encoders.published import tasks_of
    from rlm.prediction.fewshot import check_classes, fit, split_spans
    from rlm.prediction.labelled import read_labels, read_tokens

    check_task(task)
    if not LEAST_HELD <= held_out <= MOST_HELD:  # nan too
        raise UsageError(f"--held-out is from {LEAST_HELD:g} to {MOST_HELD:g}, not {held_out:g}")
    rows = read_labels(file)
    check_classes([row.label for row in rows])
    chosen = find_weights(choose_preset(preset, load_config()).name)
    _check_free(task, tasks_of(chosen), chosen.preset.name)
    spans: list[SpanTokens] = []
    encoder = None
    for index, those in _indexes(rows, preset):
        encoder = index.encoder()
        taken = sum(span.nbytes for span in spans)
        spans += list(read_tokens(index, those, taken))
    assert encoder is not None  # there is a row, so there is a video
    split = split_spans(spans, held_out, seed)
    fitted = fit(spans, split, seed)
    counts = Counter(span.row.label for span in spans)
    spec = encoder.spec
    _print_fit(fitted, [span.row.label for span in spans], len({s.content for s in spans}))
    known = (*split.fit, *split.validation)
    card = ProbeCard(
        task=task,
        classes=list(fitted.classes),
        model=spec.model,
        revision=spec.revision,
        hidden=spans[0].windows[0].shape[1],
        form="attentive",
        frames=encoder.frames,
        fps=encoder.fps,
        made=_now(),
        source=f"fitted on {counted(len(known), 'labelled span')}",
        trained=Trained(
            counts=dict(sorted(counts.items())),
            split=split.by,
            seed=seed,
            right=fitted.confusion.accuracy.right,
            held_out=fitted.confusion.accuracy.total,
            apart=fitted.confusion.accuracy.apart,
            spans=[(spans[n].content[:16], *spans[n].row.span) for n in known],
        ),
    )
    folder = save_probe(default_root(), card, fitted.state)
    say(f"registered as task {task} of {card.encoder} in {folder}")
    return DONE


def evaluate(file: Path, *, task: str, preset: str | None) -> int:
    """Print how often the probe for ``task`` tells the spans of ``file`` right, and what it mixes.

    Raises ``UsageError`` for spans that cannot be read or a label that is no class of the probe,
    ``WeightsMissing`` when there is no probe for the task on this preset.
    """
    from rlm.encoders.probe_files import default_root, find_probe
    from rlm.prediction.classify import classify
    from rlm.prediction.labelled import overlapping, part_of, read_labels
    from rlm.prediction.scores import Confusion

    rows = read_labels(file)
    truth: list[str] = []
    places: list[tuple[str, Span]] = []
    told: list[str] = []
    classes: list[str] = []
    known = 0
    for index, those in _indexes(rows, preset):
        encoder = index.encoder()
        found = None
        if task not in encoder.tasks:
            found = find_probe(default_root(), task, encoder.spec)
        trained = found[1].trained if found else None
        for row in those:
            ranked = classify(index, part_of(row, index.video), task, k=100_000)
            classes = sorted(each.label for each in ranked)
            if row.label not in classes:
                some = ", ".join(classes[:12]) + (", ..." if len(classes) > 12 else "")
                raise UsageError(
                    f"{row.where}: {row.label!r} is no class of the probe for {task!r}: {some}"
                )
            truth.append(row.label)
            places.append((index.video.sha256, row.span))
            told.append(ranked[0].label)
            content, start, end = index.video.sha256[:16], *row.span
            known += trained is not None and any(
                content == other and start < until and since < end
                for other, since, until in trained.spans
            )
    confusion = Confusion.of(classes, truth, told, overlapping(places))
    print(f"accuracy  {confusion.accuracy}")
    if known:
        print(
            f"note      the probe was fitted on {known} of these {len(rows)} spans: this says "
            "little about others"
        )
    _print_recall(confusion)
    _print_confusion(confusion)
    return DONE


def import_file(
    file: Path, *, task: str, preset: str | None, head: str, classes: Path | None
) -> int:
    """Register one of Meta's published probes (a ``.pt`` file) for ``task``.

    Raises ``UsageError`` for names of classes that do not fit, ``WeightsMissing`` when the file
    is none of theirs, is for an encoder of another width, or foretells further than the preset's
    predictor does.
    """
    from rlm.encoders import find_weights
    from rlm.encoders.folder import preset_of
    from rlm.encoders.meta_probes import AHEAD, FPS, FRAMES, read_meta
    from rlm.encoders.probe_files import ProbeCard, check_task, default_root, save_probe
    from rlm.encoders.published import tasks_of
    from rlm.errors import WeightsMissing

    check_task(task)
    choice = choose_preset(preset, load_config())
    spec = find_weights(choice.name)
    _check_free(task, tasks_of(spec), spec.preset.name)
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    probe = read_meta(file, head)
    width = preset_of(spec.folder).architecture.hidden
    if spec.preset.kind != "vjepa2" or probe.hidden != width:
        raise WeightsMissing(
            f"{file} reads tokens {probe.hidden} wide, those of preset {spec.preset.name} are "
            f"{width}: it belongs to another V-JEPA 2 (large 1024, huge 1280, giant 1408)"
        )
    if probe.anticipates:
        _check_reach(spec)
    card = ProbeCard(
        task=task,
        classes=_class_names(classes, probe.classes),
        model=spec.model,
        revision=spec.revision,
        hidden=probe.hidden,
        form="pooler",
        frames=FRAMES if probe.anticipates else spec.preset.frames,
        fps=FPS if probe.anticipates else spec.preset.fps,
        ahead=AHEAD if probe.anticipates else 0.0,
        made=_now(),
        source=f"imported from {file.name}" + (f" ({head})" if probe.anticipates else ""),
    )
    folder = save_probe(default_root(), card, probe.state)
    if probe.anticipates:
        say(f"it tells the {head} that follows {card.ahead:g} s after a span, not what is in it")
    else:
        say("it is shown the encoder's last tokens, as that for SSv2 was trained (Diving48: not)")
    say(f"registered as task {task} of {card.encoder} in {folder}")
    return DONE


def list_all() -> int:
    """Print a line for each registered probe."""
    from rlm.encoders.probe_files import ProbeCard, default_root, registered
    from rlm.prediction.scores import Accuracy

    root = default_root()
    cards = [card for _, card in registered(root)]
    for card in cards:
        if not isinstance(card, ProbeCard):
            print(clean(f"damaged: {card}"))
            continue
        parts = [card.encoder, f"{len(card.classes)} classes"]
        if (how := card.trained) is not None:
            parts.append(f"held-out accuracy {Accuracy(how.right, how.held_out, how.apart)}")
        print(clean(f"{card.task}  {', '.join(parts)}, {card.source}, {card.made[:10]}"))
    say(f"{root}: {counted(len(cards), 'probe')}")
    return DONE


def _indexes(
    rows: Sequence[LabelledSpan], preset: str | None
) -> Iterator[tuple[VideoIndex, list[LabelledSpan]]]:
    """The index of each video, found or built, with its rows.

    All are looked at before anything is built of the first: a typing error in the last row must
    not cost an hour.
    """
    from rlm.index import Loader
    from rlm.prediction.labelled import part_of
    from rlm.video import Video

    config = load_config()
    choice = choose_preset(preset, config)
    say(f"preset: {choice.name} ({choice.why})")
    screen, loader = Screen(stderr=True), Loader()
    by_video: dict[Path, list[LabelledSpan]] = {}
    for row in rows:
        by_video.setdefault(row.video.resolve(), []).append(row)
    videos: list[tuple[Video, list[LabelledSpan]]] = []
    for path, those in by_video.items():
        try:
            videos.append((Video.open(path), those))
        except VideoError as error:
            raise type(error)(f"{those[0].where}: {error}") from error
        for row in those:
            part_of(row, videos[-1][0])
    for video, those in videos:
        with progress_bar(screen) as progress:
            index, _ = open_index(
                video, choice.name, cache=config.cache, loader=loader, notify=say, progress=progress
            )
        yield index, those


def _check_free(task: str, own: Sequence[str], preset: str) -> None:
    if task in own:
        raise UsageError(
            f"preset {preset} itself brings a probe for {task!r} (it has {', '.join(own)}): choose "
            "another --task"
        )


def _check_reach(spec: EncoderSpec) -> None:
    """Raise ``WeightsMissing`` where the predictor foretells less than Meta's probes read."""
    from rlm.encoders.folder import read_config
    from rlm.encoders.meta_probes import AHEAD, FPS, FRAMES
    from rlm.errors import WeightsMissing

    tubelet = spec.preset.architecture.tubelet
    reach = int(read_config(spec.folder)["frames_per_clip"]) // tubelet
    tubelets = FRAMES // tubelet + int(AHEAD * FPS / tubelet)
    if tubelets >= reach:
        raise WeightsMissing(
            f"an anticipation probe reads {FRAMES} pictures at {FPS:g} a second and what follows "
            f"{AHEAD:g} s later, {tubelets + 1} tubelets in all; the predictor of preset "
            f"{spec.preset.name} was trained on {reach}: take weights trained on "
            f"{(tubelets + 1) * tubelet} pictures or more, as Meta's were (fast, balanced, quality)"
        )


def _class_names(file: Path | None, count: int) -> list[str]:
    """The names of ``count`` classes: a line each, or those of a table with a header.

    A table names them in its column ``key``, ``name`` or ``label``, in order, or in that of the
    numbers in its column ``id``, as the files of EPIC-KITCHENS-100 do.
    """
    if file is None:
        return [str(number) for number in range(count)]
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            rows = [[cell.strip() for cell in row] for row in csv.reader(stream) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    header = rows[0] if rows else []
    column = next((header.index(name) for name in ("key", "name", "label") if name in header), None)
    try:
        if column is None:
            names = [", ".join(row) for row in rows]
        elif "id" in header:
            place = header.index("id")
            names = [row[column] for row in sorted(rows[1:], key=lambda row: int(row[place]))]
        else:
            names = [row[column] for row in rows[1:]]
    except (IndexError, ValueError) as error:
        raise UsageError(f"{file} is no table of classes: {error}") from error
    if len(names) != count or len(set(names)) != count or not all(names):
        raise UsageError(
            f"{file} names {len(set(names))} different classes in {counted(len(names), 'row')}; "
            f"the probe has {count} classes"
        )
    return names


def _print_fit(fitted: Fitted, labels: Sequence[str], videos: int) -> None:
    split, confusion = fitted.split, fitted.confusion
    print(
        f"{counted(len(labels), 'span')} of {counted(videos, 'video')}, {len(fitted.classes)} "
        f"classes; held out by {split.by}"
    )
    columns = ("fit", "validation", "held out")
    width = max(map(len, ("class", *fitted.classes)))
    print(f"{'class':<{width}}  {columns[0]:>5}  {columns[1]:>10}  {columns[2]:>8}")
    for label in fitted.classes:
        one, two, three = (
            sum(labels[number] == label for number in part)
            for part in (split.fit, split.validation, split.held_out)
        )
        print(clean(f"{label:<{width}}  {one:>5}  {two:>10}  {three:>8}"))
    print(f"{fitted.best} epochs, best of {fitted.epochs} for the validation spans")
    print(f"held-out accuracy  {confusion.accuracy}")
    print(f"commonest class    {fitted.majority}")
    print(f"nearest centroid   {fitted.centroid}")
    if split.by == "span" and videos > 1:
        say("no split by video has every class in every part: spans of one video are in several")
    elif split.by == "span":
        say("all spans are of one video: how it does on others is not measured")
    if confusion.accuracy.interval[0] <= fitted.majority.share:
        say("that is not clearly better than always saying the commonest class: label more spans")


def _print_recall(confusion: Confusion) -> None:
    width = max(map(len, confusion.classes))
    for number, label in enumerate(confusion.classes):
        if (recall := confusion.recall(number)) is not None:
            print(clean(f"recall    {label:<{width}}  {recall}"))


def _print_confusion(confusion: Confusion) -> None:
    """A table of those classes that occur: rows are true, columns were told."""
    used = [
        number
        for number in range(len(confusion.classes))
        if confusion.counts[number].any() or confusion.counts[:, number].any()
    ]
    names = [confusion.classes[number] for number in used]
    width = max(map(len, ("true", *names)))
    print("rows are true, columns were told")
    print(clean("  ".join([" " * width, *(f"{name:>4}" for name in names)]).rstrip()))
    for number, name in zip(used, names, strict=True):
        cells = (
            f"{confusion.counts[number, other]:>{max(4, len(label))}}"
            for other, label in zip(used, names, strict=True)
        )
        print(clean("  ".join([f"{name:<{width}}", *cells])))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
