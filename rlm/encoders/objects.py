"""What things are where: a dense read-out of V-JEPA tokens, for weights that bring one.

Each token says whether a thing lies on it and, if so, where that thing's centre is, how it moves,
its size, colour and shape: one linear map of layer-normed tokens, anchor-free as in FCOS (Tian et
al. 2019, arXiv:1904.01355), with the tokens of one thing voting for its centre together (as in
VoteNet, Qi et al. 2019, arXiv:1904.09664) instead of one of them deciding.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rlm.encoders.heads import read_sizes, read_tensors, usable
from rlm.encoders.presets import HEADS_FILE

_MERGE = 0.13  # of the picture's side: votes nearer than this may be for one thing
_SAME = 0.04  # and these are, whatever colour they say
_OVERLAP = 0.7  # nearer than this much of the sum of their radii no two things come
_FIRST = 0.5  # a thing needs a token that is at least this sure of it
_VOTE = 0.25  # tokens less sure than this have no vote

_MEASURES = 5  # x, y, dx, dy, radius

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing in one tubelet.

    ``x``, ``y`` and ``radius`` in fractions of the picture on screen; ``dx`` and ``dy`` what it
    moves over the ground from one picture to the next, in the same fractions; ``score`` in [0, 1].
    """

    colour: str
    shape: str
    x: float
    y: float
    dx: float
    dy: float
    radius: float
    score: float


class ObjectHead(nn.Module):
    """Layer-normed tokens to what each says; see :meth:`split` for the columns."""

    def __init__(self, hidden: int, colours: int, shapes: int) -> None:
        super().__init__()
        self.sizes = (1, 1, colours, shapes, 2, 2, 1)
        self.read = nn.Linear(hidden, sum(self.sizes))

    def forward(self, tokens: Tensor) -> Tensor:
        """[..., hidden] to [..., columns]."""
        said: Tensor = self.read(tokens)
        return said

    def split(self, said: Tensor) -> tuple[Tensor, ...]:
        """The columns by meaning.

        Logits of: a thing lies here (objectness) [1], its centre does (centerness) [1], colours
        [C], shapes [S]; then the offset to its centre, in tokens [2]; its motion over the ground
        from picture to picture, in hundredths of the picture [2]; its radius, in tokens [1].
        """
        return torch.split(said, list(self.sizes), dim=-1)


@dataclass(frozen=True, eq=False)
class Objects:
    """An object head with the names of the colours and shapes it tells apart."""

    head: ObjectHead
    colours: tuple[str, ...]
    shapes: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> Self | None:
        """Read ``objects`` of ``heads.json`` and ``heads.safetensors``; ``None`` if there is none.

        Raises ``WeightsMissing`` when either file is damaged or they do not fit each other.
        """
        with usable("object head", folder):
            told = read_sizes(folder).get("objects")
            if told is None:
                return None
            colours, shapes = tuple(told["colours"]), tuple(told["shapes"])
            state = {
                name.removeprefix("objects."): value
                for name, value in read_tensors(folder / HEADS_FILE, "objects.").items()
            }
            head = ObjectHead(state["read.weight"].size(1), len(colours), len(shapes))
            head.load_state_dict(state)
        return cls(head.to(device).eval().requires_grad_(False), colours, shapes)

    @torch.no_grad()
    def sights(self, tokens: Tensor) -> list[list[list[Sight]]]:
        """The things in each tubelet of B windows, the surest first.

        ``tokens`` are layer-normed, [B, tubelets, G * G, hidden].
        """
        grid = round(tokens.size(2) ** 0.5)
        objectness, centerness, colour, shape, offset, motion, radius = self.head.split(
            self.head(tokens.float())
        )
        middle = (torch.arange(grid, device=tokens.device) + 0.5) / grid
        place = torch.stack(torch.meshgrid(middle, middle, indexing="xy"), dim=-1).view(-1, 2)
        sure = objectness.sigmoid()
        columns = [
            sure,
            # The token in the middle of a thing speaks first where others are as sure.
            torch.maximum(sure * 0.999, centerness.sigmoid()),
            *(place + offset / grid, motion / 100, radius / grid),
            *(colour.log_softmax(-1), shape.log_softmax(-1)),
        ]
        said = torch.cat(columns, dim=-1).cpu().numpy()
        return [
            [
                [self._sight(*found) for found in _things(tubelet, len(self.colours))]
                for tubelet in window
            ]
            for window in said
        ]

    def _sight(self, score: float, mean: Floats) -> Sight:
        x, y, dx, dy, radius = mean[:_MEASURES].tolist()
        colour, shape = np.split(mean[_MEASURES:], [len(self.colours)])
        kind = self.colours[int(colour.argmax())], self.shapes[int(shape.argmax())]
        return Sight(*kind, x, y, dx, dy, radius, score)


def _things(said: Floats, colours: int) -> list[tuple[float, Floats]]:
    """The things of one tubelet: for each a score, and the mean of what its tokens say.

    ``said`` has a row for each token: how sure it is that a thing lies on it, how much it counts,
    then what is averaged: five measures and the log-probabilities of ``colours`` and of shapes.
    """
    sure, left, spoken = said[:, 0], said[:, 1].copy(), said[:, 2:]
    hue = spoken[:, _MEASURES : _MEASURES + colours].argmax(-1)
    found: list[tuple[float, Floats]] = []
    while left[first := int(left.argmax())] >= _FIRST:
        away = np.hypot(*(spoken[:, :2] - spoken[first, :2]).T)
        votes = (away < _MERGE) & (sure > _VOTE) & (left > 0)
        votes &= (hue == hue[first]) | (away < _SAME)
        votes[first] = True
        weight = said[:, 1] * votes
        mean = weight @ spoken / weight.sum()
        if all(_apart(mean, other) for _, other in found):
            found.append((float(left[first]), mean))
        left[votes] = 0
    return found


def _apart(one: Floats, other: Floats) -> bool:
    """Whether two sights can be two things: of one thing, tokens at its edge may speak apart."""
    return bool(np.hypot(*(one[:2] - other[:2])) >= _OVERLAP * (one[4] + other[4]))
