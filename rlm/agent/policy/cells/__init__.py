"""The Python that the built-in model writes: what people see when it works.

The cells run in one persistent session, each building on the names of those before: ``scenes`` from
the overview, ``shots`` with the tracks of their things from the seeing, ``ways_of`` and its like
from the weighing, ``things`` and what happens to them from the reading, and words to ask about them
with. ``TELL`` opens the cell of a question; some bring ``FLASHES`` or ``WARPS`` with them too.
"""

from rlm.agent.policy.cells.asking import ASK, FLASHES, TELL, WARPS
from rlm.agent.policy.cells.reading import FACTS, MEETINGS
from rlm.agent.policy.cells.seeing import OVERVIEW, SEE
from rlm.agent.policy.cells.weighing import WAYS

__all__ = ["ASK", "FACTS", "FLASHES", "MEETINGS", "OVERVIEW", "SEE", "TELL", "WARPS", "WAYS"]
