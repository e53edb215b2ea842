"""Pixel work inside the jail: plain numpy functions that the model calls as its own.

Unlike a tool, a helper never reaches the host. The source text of the modules listed in
:data:`MODULES` is run in every jail of a session (see ``Pool`` in :mod:`sandbox`), and what is in
their ``__all__``, the functions and ``np``, is defined there. So the modules hold to numpy, the
standard library and each other, and their docstrings are written for the model. They leave out
that bad input raises a ``ValueError`` or ``TypeError``, which names the helper and the remedy.

To add a helper, write it in one of the modules and add it to :data:`HELPERS`.
"""

from collections.abc import Callable
from importlib import resources
from typing import Any

from rlm.tools.base import entry
from rlm.tools.pixels.finding import optical_flow, threshold, track_color
from rlm.tools.pixels.pictures import blend, crop, diff, frame_info, zoom
from rlm.tools.pixels.plotting import plot

HELPERS: tuple[Callable[..., Any], ...] = (
    crop,
    zoom,
    diff,
    blend,
    threshold,
    track_color,
    optical_flow,
    frame_info,
    plot,
)

MODULES = ("pictures", "finding", "plotting")
"""The modules that define them, each after those it imports."""


def sources() -> dict[str, str]:
    """The text of each module by its full name, in the order in which a jail runs them."""
    folder = resources.files(__name__)
    return {f"{__name__}.{name}": (folder / f"{name}.py").read_text("utf-8") for name in MODULES}


def describe_helpers() -> str:
    """The helpers' signatures and docstrings, as the system prompt shows them."""
    return "\n\n".join(entry(helper) for helper in HELPERS)


__all__ = ["HELPERS", "MODULES", "describe_helpers", "sources", *(h.__name__ for h in HELPERS)]
