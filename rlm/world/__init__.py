"""The procedural world: films of moving coloured shapes that know exactly what they show.

A :class:`Film` is a description, not pictures: shots, things, paths and events in seconds and
fractions of the picture. :func:`draw.frames` shows it at any size and frame rate,
:func:`tracks.tracks` tells where everything is, :func:`questions.ask` asks about it, and
:func:`write_film` puts a real mp4, its ground truth and its questions into a folder. All of it
follows from a seed.
"""

from rlm.world.files import FilmFiles, write_film
from rlm.world.film import make_film
from rlm.world.questions import Question, ask
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES, Event, Film, Ground, Leg, Shot, Thing

__all__ = [
    "COLOURS",
    "EVENTS",
    "MOTIONS",
    "SHAPES",
    "Event",
    "Film",
    "FilmFiles",
    "Ground",
    "Leg",
    "Question",
    "Shot",
    "Thing",
    "ask",
    "make_film",
    "write_film",
]
