"""The ``videorlm`` command. Commands only: what they do lives in the rooms below.

Nothing heavy is imported before a command needs it, so that ``--help`` and ``replay`` start at
once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm import __version__
from rlm.cli_runs import replay, transcripts
from rlm.commands.guard import guarded
from rlm.errors import UsageError

_Preset = Annotated[
    str | None,
    typer.Option(help="builtin, fast, balanced, quality, or a folder with V-JEPA 2 weights."),
]

app = typer.Typer(
    name="videorlm",
    help="Ask a video a question: a language model writes Python in a jail over a V-JEPA 2 index.",
    epilog=(
        "Exit codes: 0 answered, 1 no answer or drift, 2 usage, 3 video, 4 language model, 5 "
        "weights or index, 6 no jail, 7 transcript, 70 unexpected, 74 output not written, 130 "
        "interrupted, 141 reader gone."
    ),
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"videorlm {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


@app.command()
@guarded
def ask(
    video: Annotated[str, typer.Argument(help="A video file.")],
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    option: Annotated[
        list[str] | None, typer.Option(help="One choice of a multiple-choice question; repeat it.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A litellm model name, or builtin. Default: see 'videorlm ask' in README."
        ),
    ] = None,
    api_base: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible endpoint.")
    ] = None,
    fallback_model: Annotated[
        list[str] | None,
        typer.Option(help="A model that takes over when the model is unavailable; repeat it."),
    ] = None,
    sub_model: Annotated[
        str | None, typer.Option(help="A cheaper model for the code's sub-questions.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the model, where it takes one.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Temperature of the model, where it takes one.")
    ] = None,
    reply_cache: Annotated[
        Path | None,
        typer.Option(
            "--reply-cache", "--cache", help="Folder in which replies are kept and found."
        ),
    ] = None,
    model_timeout: Annotated[
        float | None, typer.Option(help="Seconds the model may stay silent (default 300).")
    ] = None,
    preset: _Preset = None,
    max_turns: Annotated[
        int | None, typer.Option(help="Turns before the wrap-up (default 12).")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens before the wrap-up.")] = None,
    max_usd: Annotated[float | None, typer.Option(help="Dollars before the wrap-up.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Seconds before the wrap-up.")] = None,
    max_frames: Annotated[int | None, typer.Option(help="Frames that models may be shown.")] = None,
    max_depth: Annotated[
        int | None, typer.Option(help="Levels of sub-sessions (default 1; 0 for none).")
    ] = None,
    votes: Annotated[
        int, typer.Option(help="Sessions that answer by themselves; most of them decide.")
    ] = 1,
    transcripts: Annotated[
        Path | None, typer.Option(help="Folder for transcripts (default: the user's data folder).")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every turn, also when piped.")
    ] = False,
    unsafe_no_sandbox: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox",
            help="Run the model's code without a jail: it can read and change your files.",
        ),
    ] = False,
) -> int:
    """Answer QUESTION about VIDEO. stdout is the answer alone; the run is told on stderr.

    Example: videorlm ask film.mp4 "What colour is the first car?" --option red --option white
    """
    from rlm.commands.ask import run

    return run(
        video,
        question,
        options=option or (),
        model=model,
        api_base=api_base,
        settings={
            "fallback_model": fallback_model,
            "sub_model": sub_model,
            "seed": seed,
            "temperature": temperature,
            "reply_cache": reply_cache,
            "model_timeout": model_timeout,
        },
        preset=preset,
        limits={
            "turns": max_turns,
            "tokens": max_tokens,
            "usd": max_usd,
            "seconds": max_seconds,
            "frames": max_frames,
            "depth": max_depth,
        },
        votes=votes,
        transcripts=transcripts,
        as_json=json_,
        verbose=verbose,
        unsafe=unsafe_no_sandbox,
    )


@app.command()
@guarded
def index(
    videos: Annotated[
        list[str] | None, typer.Argument(help="Video files, or folders of them.")
    ] = None,
    preset: _Preset = None,
    tier: Annotated[
        int, typer.Option(min=1, max=3, help="1 scan (seconds), 2 index, 3 deep (long windows).")
    ] = 2,
    deep: Annotated[
        str | None, typer.Option(help="The preset of tier 3 (default: the next larger one).")
    ] = None,
    scene_clip_stride: Annotated[
        float | None,
        typer.Option(help="Seconds from one window of a shot to the next (default: the preset's)."),
    ] = None,
    transcribe: Annotated[
        str | None,
        typer.Option(help="Recognise speech too: a litellm transcription model, or a Whisper one."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List what is on this machine.")] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove what cannot be used, week-old unfinished builds, and see below."
        ),
    ] = False,
    older_than: Annotated[
        float | None,
        typer.Option(min=0, help="With --prune: also what nobody opened for so many days."),
    ] = None,
    max_gb: Annotated[
        float | None,
        typer.Option(min=0, help="With --prune: also the least recently opened beyond so many GB."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> int:
    """Build the index of each of VIDEOS ahead of questions, or find it; also list and remove them.

    Example: videorlm index talks/*.mp4 --preset fast --tier 2
    """
    from rlm.commands import index as command

    chosen = bool(videos) + list_ + prune
    if chosen != 1:
        raise UsageError("give one of these: video files, --list, --prune")
    if (older_than is not None or max_gb is not None) and not prune:
        raise UsageError("--older-than and --max-gb go with --prune")
    if list_:
        return command.list_all(json_)
    if prune:
        return command.prune(older_than, max_gb, json_)
    return command.run(
        videos or (),
        preset=preset,
        tier=tier,
        deep=deep,
        scene_clip_stride=scene_clip_stride,
        transcribe=transcribe,
        as_json=json_,
    )


app.command()(replay)
app.add_typer(transcripts, name="transcripts")


@app.command()
@guarded
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the film goes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Which film.")] = 7,
    questions: Annotated[int, typer.Option(min=1, help="How many of its questions to ask.")] = 6,
) -> int:
    """Make a procedural film, index it and ask it questions with the built-in model.

    Example: videorlm demo /tmp/film --seed 3
    """
    from rlm.commands.demo import run

    return run(folder, seed, questions)


models = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(models, name="models")


@models.callback()
def _models(
    context: typer.Context,
    json_: Annotated[bool, typer.Option("--json", help="Print a JSON list instead.")] = False,
) -> None:
    """List the weights there are, which are on this machine, and what they cost.

    Example: videorlm models
    """
    if context.invoked_subcommand is None:
        _list_models(json_)


@guarded
def _list_models(as_json: bool) -> int:
    from rlm.commands.models import run

    return run(as_json=as_json)


@models.command()
@guarded
def pull(
    preset: Annotated[str, typer.Argument(help="fast, balanced, quality, siglip2, videoprism.")],
) -> int:
    """Download the weights of PRESET and its companions; an interrupted download goes on.

    Example: videorlm models pull fast
    """
    from rlm.commands.models import pull as run

    return run(preset)


@models.command()
@guarded
def estimate(
    video: Annotated[str, typer.Argument(help="A video file.")],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> int:
    """Say about how long each preset would take to index VIDEO on this machine.

    Example: videorlm models estimate film.mp4
    """
    from rlm.commands.models import estimate as run

    return run(video, as_json=json_)


probe = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(probe, name="probe", help="Probes: classes of your own for spans of video.")
_Labels = Annotated[
    Path, typer.Argument(help="A CSV file with the columns video, start, end and label.")
]
_Task = Annotated[str, typer.Option(help="What classify_segment asks for it by.")]


@probe.command()
@guarded
def train(
    labels: _Labels,
    task: _Task,
    preset: _Preset = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the split and the fit.")] = 0,
    held_out: Annotated[
        float, typer.Option(min=0.05, max=0.5, help="Share of the spans to measure on.")
    ] = 0.25,
) -> int:
    """Fit a probe on the spans of LABELS, say how it does on those held out, and register it.

    Video paths are relative to LABELS; times are seconds or 1:07.5; each class needs 3 spans.

    Example: videorlm probe train labels.csv --task gesture --preset fast
    """
    from rlm.commands.probe import train as run

    return run(labels, task=task, preset=preset, seed=seed, held_out=held_out)


@probe.command("eval")
@guarded
def evaluate(labels: _Labels, task: _Task, preset: _Preset = None) -> int:
    """Say how often the probe for a task tells the spans of LABELS right, and what it mixes up.

    Example: videorlm probe eval more.csv --task gesture --preset fast
    """
    from rlm.commands.probe import evaluate as run

    return run(labels, task=task, preset=preset)


@probe.command("import")
@guarded
def import_(
    file: Annotated[Path, typer.Argument(help="A .pt file of Meta's V-JEPA 2 probes.")],
    task: _Task,
    preset: _Preset = None,
    head: Annotated[
        str, typer.Option(help="Of an anticipation probe: verb, noun or action.")
    ] = "action",
    classes: Annotated[
        Path | None,
        typer.Option(
            help="Names of the classes in the order of the probe's outputs: a line each, or a CSV "
            "with key, name or label, in that order or with its numbers (from 0) in a column id."
        ),
    ] = None,
) -> int:
    """Register one of the probes that Meta publishes; without --classes they are numbers.

    Example: videorlm probe import ek100-vitl-256.pt --task next-action --preset fast
    """
    from rlm.commands.probe import import_file as run

    return run(file, task=task, preset=preset, head=head, classes=classes)


@probe.command("list")
@guarded
def list_probes() -> int:
    """List the probes that were trained or imported here.

    Example: videorlm probe list
    """
    from rlm.commands.probe import list_all as run

    return run()


def main() -> None:
    """Entry point of the ``videorlm`` script."""
    app(prog_name="videorlm")


if __name__ == "__main__":
    main()
