"""VideoRLM: a language model answers questions about a video by writing Python in a jail.

The rooms, from the bottom up: ``errors``, ``spans``, ``video`` (decoding), ``encoders``
(V-JEPA 2 and its spaces), ``index`` (one shared index of a video), ``tools`` (what the model may
call), ``agent`` (the loop; read ``agent/session.py`` first), ``ui`` and ``cli``. ``world`` makes
procedural films with their ground truth.
"""

__version__ = "0.1.0"
