"""``videorlm ask``."""

from __future__ import annotations

from typing import Annotated

import typer

from rlm.cli import options
from rlm.cli.manual import ASKING, App
from rlm.cli.options import BUDGET
from rlm.commands.guard import guarded

app = App()


@app.command(section=ASKING)
@options.gathered
@guarded
def ask(
    video: options.Video,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question, in quotes.")],
    *,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="One choice of a multiple-choice question; repeat for each.",
            rich_help_panel="Question",
        ),
    ] = None,
    model: options.Model = None,
    api_base: options.ApiBase = None,
    preset: options.Preset = None,
    seed: options.Seed = None,
    asking: options.ModelSettings,
    limits: options.LimitSettings,
    max_usd: options.MaxUsd = None,
    votes: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Sessions that answer by themselves, within the same limits; most of them decide.",
            rich_help_panel=BUDGET,
        ),
    ] = 1,
    transcripts: options.Transcripts = None,
    json_: options.Json = False,
    verbose: options.Verbose = False,
    live: options.Live = False,
    unsafe_no_sandbox: options.Unsafe = False,
) -> int:
    """Answer a question about a video.

    The index is built where there is none. stdout is the answer alone; the run is told on stderr,
    and kept as a transcript.

    Examples:
        # which model and preset answer is chosen, and said
        videorlm ask match.mp4 "Who serves first?"
        # a multiple-choice question
        videorlm ask match.mp4 "Who serves first?" --option "in white" --option "in red"
        # a hosted model, at most 25 cents, one JSON object
        videorlm ask match.mp4 "Who wins?" --model anthropic/claude-sonnet-4-6 --max-usd 0.25 --json
        # to follow it in the browser, pause it, or have it answer now
        videorlm ask match.mp4 "Who wins?" --live
        # a server of your own
        videorlm ask match.mp4 "Who wins?" --model openai/qwen --api-base http://127.0.0.1:8000/v1

    Exit codes:
        1 no answer
        3 4 5 6 7

    Files:
        ~/.local/share/videorlm/transcripts  the runs
        ~/.cache/videorlm/index  the indexes

    See also: videorlm replay, videorlm index, videorlm doctor
    """
    from rlm.commands.ask import run

    return run(
        video,
        question,
        options=option or (),
        model=model,
        api_base=api_base,
        settings={**vars(asking), **vars(limits), "seed": seed, "max_usd": max_usd},
        preset=preset,
        votes=votes,
        transcripts=transcripts,
        as_json=json_,
        verbose=verbose,
        live=live,
        unsafe=unsafe_no_sandbox,
    )
