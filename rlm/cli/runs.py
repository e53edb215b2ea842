"""The commands about saved runs: ``replay`` and ``transcripts``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import completion, options
from rlm.cli.manual import RUNS, App
from rlm.commands.guard import guarded
from rlm.errors import UsageError

AGAIN, ON, WATCHING = "Running it again", "Going on from it", "Watching it"

app = App()


def _on(help_: str, metavar: str) -> typer.models.OptionInfo:
    made: typer.models.OptionInfo = typer.Option(help=help_, metavar=metavar, rich_help_panel=ON)
    return made


@app.command(section=RUNS)
@guarded
def replay(
    transcript: options.Transcript = "last",
    step: Annotated[
        bool,
        typer.Option(
            "--step",
            help="Turn by turn in the whole terminal; ? lists keys.",
            rich_help_panel=WATCHING,
        ),
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            metavar="TIMES",
            help="Play it so many times as fast; space pauses.",
            rich_help_panel=WATCHING,
        ),
    ] = None,
    from_: Annotated[
        int | None,
        typer.Option(
            "--from", min=1, metavar="TURN", help="Begin at this turn.", rich_help_panel=WATCHING
        ),
    ] = None,
    rerun_code: Annotated[
        bool,
        typer.Option(
            "--rerun-code",
            help="Run its code again, in the jail, and print what comes out otherwise.",
            rich_help_panel=AGAIN,
        ),
    ] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SHARE",
            help="How far off numbers may be [default: 0.001]",
            rich_help_panel=AGAIN,
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(
            metavar="VIDEO",
            help="Its video, with --fork too [default: where it was last opened, or by its name]",
            autocompletion=completion.videos,
            rich_help_panel=AGAIN,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="PRESET",
            help="Its preset, or a folder, with --fork too [default: the recorded name]",
            autocompletion=completion.presets,
            rich_help_panel=AGAIN,
        ),
    ] = None,
    fork: Annotated[
        int | None, _on("Go on by itself after this turn, as a new run.", "TURN")
    ] = None,
    model: Annotated[str | None, _on("Who goes on [default: the recorded model]", "NAME")] = None,
    sub_model: Annotated[
        str | None, _on("Who answers sub-questions [default: the recorded one]", "NAME")
    ] = None,
    api_base: Annotated[str | None, _on("An OpenAI-compatible endpoint.", "URL")] = None,
    max_turns: Annotated[int | None, _on("Of the whole run, replayed turns included.", "N")] = None,
    max_calls: Annotated[int | None, _on("Likewise.", "N")] = None,
    max_tokens: Annotated[int | None, _on("Likewise.", "N")] = None,
    max_usd: Annotated[float | None, _on("Likewise.", "USD")] = None,
    max_seconds: Annotated[
        float | None, _on("From now on, replayed turns included.", "SECONDS")
    ] = None,
    transcripts: Annotated[Path | None, _on("For the new transcript.", "FOLDER")] = None,
) -> int:
    """Tell a saved run again, without a model, weights, video or network.

    It is printed; with --step or --speed a terminal shows it a turn at a time, with search. With
    --rerun-code its code runs again with the tools as they are now. With --fork N it goes on
    live after turn N.

    Examples:
        videorlm replay last
        videorlm replay last --step --from 3
        videorlm replay last --speed 4
        # is everything still as it was?
        videorlm replay last --rerun-code --video match.mp4
        # from turn 3 on with another model
        videorlm replay last --fork 3 --model anthropic/claude-sonnet-4-6 --max-usd 0.5

    Exit codes:
        1 the run has no answer; with --rerun-code, something is not as recorded
        3 4 5 6 7

    See also: videorlm view, videorlm transcripts, videorlm ask
    """
    from rlm.commands import replay as command

    limits = {
        "turns": max_turns,
        "calls": max_calls,
        "tokens": max_tokens,
        "usd": max_usd,
        "seconds": max_seconds,
    }
    changed = {name: limit for name, limit in limits.items() if limit is not None}
    told = {"--step": step, "--speed": speed is not None, "--from": from_ is not None}
    ran = {"--rerun-code": rerun_code, "--fork": fork is not None}
    if any(told.values()) and any(ran.values()):
        given = [name for name, there in (told | ran).items() if there]
        raise UsageError(f"{', '.join(given)}: a run is either told again or run again")
    if step and speed is not None:
        raise UsageError("give one of these: --step, --speed")
    if rerun_code and fork is not None:
        raise UsageError("give one of these: --rerun-code, --fork")
    if fork is None and (changed or model or sub_model or api_base or transcripts):
        raise UsageError(
            "--model, --sub-model, --api-base, --max-... and --transcripts go with --fork"
        )
    if (video or preset) and fork is None and not rerun_code:
        raise UsageError("--video and --preset go with --rerun-code or --fork")
    if tolerance is not None and not rerun_code:
        raise UsageError("--tolerance goes with --rerun-code")
    if rerun_code:
        return command.rerun(transcript, video, preset, tolerance)
    if fork is not None:
        return command.fork(
            transcript, fork, video=video, preset=preset, model=model, sub_model=sub_model,
            api_base=api_base, limits=changed, transcripts=transcripts,
        )  # fmt: skip
    if step or speed is not None:
        return command.play(transcript, speed, from_)
    return command.run(transcript, from_)


_transcripts = App(
    "transcripts",
    section=RUNS,
    help="""List, show and export saved runs.

    Examples:
        videorlm transcripts list
        videorlm transcripts export last --format html -o run.html

    Files:
        ~/.local/share/videorlm/transcripts  the runs (setting transcripts)

    See also: videorlm replay
    """,
)
app.add_typer(_transcripts)


@_transcripts.command("list")
@guarded
def list_runs(json_: options.Json = False) -> int:
    """List the saved runs, newest first.

    Examples:
        videorlm transcripts list
        videorlm transcripts list --json | jq -r .question

    See also: videorlm replay
    """
    from rlm.commands.transcripts import list_all as run

    return run(json_)


@_transcripts.command()
@guarded
def show(transcript: options.Transcript = "last") -> int:
    """Tell a saved run again, as 'videorlm replay' does.

    Examples:
        videorlm transcripts show last

    Exit codes:
        1 the run has no answer
        7

    See also: videorlm replay
    """
    from rlm.commands.replay import run

    return run(transcript)


@_transcripts.command()
@guarded
def export(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="TRANSCRIPT",
            help="Saved runs: folders, names, or 'last'.",
            autocompletion=completion.transcripts,
        ),
    ],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="openai, sharegpt or html.",
            autocompletion=completion.formats,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file [default: stdout]"),
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Name the pictures instead of including them.")
    ] = False,
) -> int:
    """Write saved runs as chats to train on, or as a page.

    Of chats, there is a JSON line for each session, sub-sessions too.

    Examples:
        videorlm transcripts export last --format openai -o runs.jsonl
        videorlm transcripts export last --format html -o run.html

    Exit codes: 7

    See also: videorlm transcripts list
    """
    from rlm.commands.transcripts import export as run

    return run(runs, format_, output, images=not no_images)
