"""The commands about saved runs: ``replay`` and ``transcripts``; like ``cli.py``, options only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.commands.guard import guarded
from rlm.errors import UsageError

_Name = Annotated[str, typer.Argument(help="A transcript's folder, its name, or 'last'.")]


@guarded
def replay(
    transcript: _Name = "last",
    rerun_code: Annotated[
        bool,
        typer.Option(
            "--rerun-code",
            help="Run its code again, in the jail, and print what comes out otherwise.",
        ),
    ] = False,
    fork: Annotated[
        int | None, typer.Option(help="Go on by itself after this turn, as a new run.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Its video (default: looked for under its recorded name).")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Its preset (default: the recorded name); or a folder.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="With --rerun-code: how far off numbers may be (default 0.001)."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="With --fork: who goes on (default: the recorded model).")
    ] = None,
    api_base: Annotated[
        str | None, typer.Option(help="With --fork: an OpenAI-compatible endpoint.")
    ] = None,
    max_turns: Annotated[
        int | None, typer.Option(help="With --fork: of the whole run, replayed turns included.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="With --fork: likewise.")] = None,
    max_usd: Annotated[float | None, typer.Option(help="With --fork: likewise.")] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="With --fork: from now on, replayed turns included.")
    ] = None,
    transcripts: Annotated[
        Path | None, typer.Option(help="With --fork: folder for the new transcript.")
    ] = None,
) -> int:
    """Tell a saved run again, without a model, weights, video or network.

    With --rerun-code its code runs again with the tools as they are now: exit code 1 when an output
    is not as recorded. With --fork N it goes on live after turn N.

    Example: videorlm replay last --rerun-code --video match.mp4
    """
    from rlm.commands import replay as command

    limits = {"turns": max_turns, "tokens": max_tokens, "usd": max_usd, "seconds": max_seconds}
    changed = {name: limit for name, limit in limits.items() if limit is not None}
    if rerun_code and fork is not None:
        raise UsageError("give one of these: --rerun-code, --fork")
    if fork is None and (changed or model or api_base or transcripts):
        raise UsageError("--model, --api-base, --max-... and --transcripts go with --fork")
    if (video or preset) and fork is None and not rerun_code:
        raise UsageError("--video and --preset go with --rerun-code or --fork")
    if tolerance is not None and not rerun_code:
        raise UsageError("--tolerance goes with --rerun-code")
    if rerun_code:
        return command.rerun(transcript, video, preset, tolerance)
    if fork is not None:
        return command.fork(
            transcript, fork, video=video, preset=preset, model=model, api_base=api_base,
            limits=changed, transcripts=transcripts,
        )  # fmt: skip
    return command.run(transcript)


transcripts = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, show and export saved runs."
)


@transcripts.command("list")
@guarded
def list_runs(
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> int:
    """List the saved runs, newest first.

    Example: videorlm transcripts list
    """
    from rlm.commands.transcripts import list_all as run

    return run(json_)


@transcripts.command()
@guarded
def show(transcript: _Name = "last") -> int:
    """Tell a saved run again, as 'videorlm replay' does.

    Example: videorlm transcripts show last
    """
    from rlm.commands.replay import run

    return run(transcript)


@transcripts.command()
@guarded
def export(
    runs: Annotated[list[str], typer.Argument(help="Transcripts: folders, names, or 'last'.")],
    format_: Annotated[str, typer.Option("--format", help="openai, sharegpt or html.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file (default: stdout).")
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Name the pictures instead of including them.")
    ] = False,
) -> int:
    """Write saved runs as chats to train on (a JSON line for each session), or as a page.

    Example: videorlm transcripts export last --format openai -o runs.jsonl
    """
    from rlm.commands.transcripts import export as run

    return run(runs, format_, output, images=not no_images)
