"""Questions about videos as an environment for training: ``reset(item)``, ``step(reply)``.

``rlm.env.verifiers_adapter`` offers the same to the ``verifiers`` package, where that is installed.
"""

from rlm.env.indexes import Indexes
from rlm.env.observation import Observation
from rlm.env.rewards import Reward, Shaped, right
from rlm.env.video_qa import VideoQAEnv, seeded_jail
from rlm.evaluation.items import Item, read_items

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
