"""Questions about a film with four options each, one of which the film makes true.

``cast`` knows who does what in the film, ``looks``, ``events``, ``repeats`` and ``lengths`` write
questions about it, ``asking`` chooses among them.
"""

from rlm.world.questions.asking import CATEGORIES, Question, ask

__all__ = ["CATEGORIES", "Question", "ask"]
