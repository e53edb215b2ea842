"""What can be asked: the loop and the baselines that its claims are held against, one file each.

To add one, write a class as :class:`~rlm.evaluation.systems.base.System` wants it; ``--system
package.module:Class`` uses it from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module

from rlm.errors import UsageError
from rlm.evaluation.systems.base import Case, Needs, Outcome, System, Unsupported

SYSTEMS: Mapping[str, str] = {
    "loop": "rlm.evaluation.systems.loop:Loop",
    "loop-no-prediction": "rlm.evaluation.systems.loop_no_prediction:LoopNoPrediction",
    "blind": "rlm.evaluation.systems.blind:Blind",
    "uniform-N": "rlm.evaluation.systems.uniform:Uniform",
    "embedding": "rlm.evaluation.systems.embedding:Embedding",
}
"""Where each system is, by short name; ``N`` stands for a number, as in ``uniform-64``."""

__all__ = ["SYSTEMS", "Case", "Needs", "Outcome", "System", "Unsupported", "load_system", "summary"]


def summary(name: str) -> str:
    """What a system of :data:`SYSTEMS` is, in a line."""
    told = import_module(SYSTEMS[name].partition(":")[0]).__doc__ or ""
    return told.strip().partition("\n")[0].replace("``", "")


def load_system(name: str) -> System:
    """A system by short name or as ``package.module:Class``.

    Raises ``UsageError`` where there is none, or it cannot be imported.
    """
    numbered = re.fullmatch(r"(.*)-([1-9]\d*)", name)
    numbers = () if numbered is None else (int(numbered[2]),)
    where = SYSTEMS.get(f"{numbered[1]}-N" if numbered else name, name)
    module, colon, attribute = where.partition(":")
    if not colon:
        # A number is kept: who wrote "unifrom-64" means uniform-64.
        names = [each.replace("-N", f"-{numbered[2]}" if numbered else "-N") for each in SYSTEMS]
        near = get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"there is no system {name!r}; {hint}there are {', '.join(SYSTEMS)}, or name one of "
            "your own as package.module:Class"
        )
    try:
        system = getattr(import_module(module), attribute)(*numbers)
    except (ImportError, AttributeError, TypeError) as error:
        raise UsageError(f"the system {name!r} cannot be loaded: {error}") from error
    loaded: System = system
    return loaded
