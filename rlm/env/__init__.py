"""Questions about videos as an environment for training: ``reset(item)``, ``step(reply)``.

``rlm.env.verifiers_adapter`` offers the same to the ``verifiers`` package, where that is installed.
"""

from rlm.env.observation import Observation
from rlm.env.rewards import Reward, Shaped, right
from rlm.env.video_qa import VideoQAEnv
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.items import Item, read_items
from rlm.evaluation.jails import seeded_jail

__all__ = [
    "Indexes",
    "Item",
    "Observation",
    "Reward",
    "Shaped",
    "VideoQAEnv",
    "read_items",
    "right",
    "seeded_jail",
]
