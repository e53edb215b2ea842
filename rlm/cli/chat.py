"""``videorlm chat``."""

from __future__ import annotations

from typing import Annotated

import typer

from rlm.cli import completion, options
from rlm.cli.manual import ASKING, App
from rlm.commands.guard import guarded

app = App()


@app.command(section=ASKING)
@options.gathered
@guarded
def chat(
    video: Annotated[
        str | None,
        typer.Argument(
            metavar="VIDEO",
            help="A video file; with --resume it may be left out.",
            autocompletion=completion.videos,
        ),
    ] = None,
    *,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="TRANSCRIPT",
            help="Go on with a saved chat about the video: its folder, its name, or 'last'.",
            autocompletion=completion.transcripts,
        ),
    ] = None,
    model: options.Model = None,
    api_base: options.ApiBase = None,
    preset: options.Preset = None,
    seed: options.Seed = None,
    asking: options.ModelSettings,
    limits: options.LimitSettings,
    max_usd: options.MaxUsd = None,
    transcripts: options.Transcripts = None,
    verbose: options.Verbose = False,
    live: options.Live = False,
    unsafe_no_sandbox: options.Unsafe = False,
) -> int:
    """Ask a video one question after the other.

    The model's variables, notes and what it saw stay from question to question. Ctrl-C interrupts
    what runs and never ends the chat: then Enter goes on, words steer, /stop answers now. Ctrl-D on
    an empty line ends it. /help lists the commands. From a pipe, each line is a question or a
    command, and stdout has the answers.

    Limits on turns and seconds are for each question, the others for the whole chat.

    Examples:
        videorlm chat match.mp4
        # go on where the last chat stopped, with its variables
        videorlm chat --resume last
        # a question a line, without a terminal: videorlm chat match.mp4 < questions.txt
        videorlm chat match.mp4 --model anthropic/claude-sonnet-4-6 --max-usd 1

    Exit codes:
        1 the last question that a pipe asked was not answered
        3 4 5 6 7

    Files:
        ~/.local/share/videorlm/transcripts  the chats
        ~/.local/share/videorlm/chat  what was typed, for each video

    See also: videorlm ask, videorlm replay
    """
    from rlm.commands.chat import run

    return run(
        video,
        model=model,
        api_base=api_base,
        settings={**vars(asking), **vars(limits), "seed": seed, "max_usd": max_usd},
        preset=preset,
        transcripts=transcripts,
        resume=resume,
        verbose=verbose,
        live=live,
        unsafe=unsafe_no_sandbox,
    )
