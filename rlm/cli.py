"""The ``videorlm`` command. Commands only: what they do lives in the rooms below.

Nothing heavy is imported before a command needs it, so that ``--help`` and ``replay`` start at
once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rlm import __version__
from rlm.errors import VideoRLMError

INTERRUPTED = 130
UNEXPECTED = 70

app = typer.Typer(
    name="videorlm",
    help="Ask a video a question: a language model writes Python in a jail over a V-JEPA 2 index.",
    epilog=(
        "Exit codes: 0 answered, 1 no answer, 2 usage, 3 video, 4 language model, 5 weights or "
        "index, 6 no jail, 7 transcript, 130 interrupted."
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
def ask(
    video: Annotated[Path, typer.Argument(help="A video file.")],
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
    preset: Annotated[
        str | None,
        typer.Option(help="builtin, fast, balanced, quality, or a folder with V-JEPA 2 weights."),
    ] = None,
    max_turns: Annotated[
        int | None, typer.Option(help="Turns before the wrap-up (default 12).")
    ] = None,
    max_usd: Annotated[float | None, typer.Option(help="Dollars before the wrap-up.")] = None,
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
) -> None:
    """Answer QUESTION about VIDEO. stdout is the answer alone; the run is told on stderr.

    Example: videorlm ask film.mp4 "What colour is the first car?" --option red --option white
    """
    from rlm.ui.run import run_ask

    raise typer.Exit(
        run_ask(
            video,
            question,
            options=option or (),
            model=model,
            api_base=api_base,
            preset=preset,
            max_turns=max_turns,
            max_usd=max_usd,
            transcripts=transcripts,
            as_json=json_,
            verbose=verbose,
            unsafe=unsafe_no_sandbox,
        )
    )


@app.command()
def replay(
    transcript: Annotated[
        str, typer.Argument(help="A transcript's folder, its name, or 'last'.")
    ] = "last",
) -> None:
    """Tell a saved run again, without a model, weights, video or network.

    Example: videorlm replay last
    """
    from rlm.ui.run import run_replay

    raise typer.Exit(run_replay(transcript))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the film goes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Which film.")] = 7,
    questions: Annotated[int, typer.Option(help="How many of its questions to ask.")] = 6,
) -> None:
    """Make a procedural film, index it and ask it questions with the built-in model.

    Example: videorlm demo /tmp/film --seed 3
    """
    from rlm.ui.demo import run_demo

    raise typer.Exit(run_demo(folder, seed, questions))


def main() -> None:
    """Entry point: errors are one line and an exit code, never a traceback."""
    code = UNEXPECTED
    try:
        app(prog_name="videorlm")
    except VideoRLMError as error:
        print(f"videorlm: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("videorlm: interrupted", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout went away; say nothing, and do not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:
        if os.environ.get("VIDEORLM_DEBUG"):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        print(
            f"videorlm: unexpected error, please report it: {what} "
            "(VIDEORLM_DEBUG=1 shows the traceback)",
            file=sys.stderr,
        )
    sys.exit(code)


if __name__ == "__main__":
    main()
