"""The commands about this machine: ``doctor`` and ``config``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from rlm.cli import options
from rlm.cli.manual import MACHINE, App
from rlm.commands.guard import guarded

app = App()
_guarded = partial(guarded, warns=False)
"""They tell of the settings themselves."""


@app.command(section=MACHINE)
@_guarded
def doctor(
    network: Annotated[
        bool,
        typer.Option(
            "--network", help="Also ask the chosen model for one word: a hosted one bills it."
        ),
    ] = False,
    json_: options.Json = False,
) -> int:
    """Say what works on this machine, and what to do about the rest.

    Each check really does what it is about: starts a jail and tries to get out, decodes a clip,
    encodes it with the built-in weights, writes to the folders. Keys are told by name only. Without
    --network nothing leaves this machine.

    Examples:
        videorlm doctor
        # what does not work, by name
        videorlm doctor --json | jq -r '.checks[] | select(.state != "ok") | .name'

    Exit codes:
        0 questions can be answered
        1 they cannot: something is missing

    See also: videorlm config, videorlm models, videorlm demo
    """
    from rlm.commands.doctor import run

    return run(network=network, as_json=json_)


@app.command(section=MACHINE)
@_guarded
def config(json_: options.Json = False) -> int:
    """Show each setting, its value, and where it comes from.

    The first of these that sets one decides: the command line, the environment (VIDEORLM_MAX_TURNS
    for max_turns), videorlm.toml in the working folder, the user's config.toml, the default.

    Examples:
        videorlm config
        VIDEORLM_MAX_TURNS=20 videorlm config
        videorlm config --json | jq .settings.model

    Files:
        videorlm.toml  settings of a folder; may not set api_base
        ~/.config/videorlm/config.toml  your settings

    See also: videorlm doctor
    """
    from rlm.commands.config import run

    return run(as_json=json_)
