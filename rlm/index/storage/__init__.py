"""Index folders on disk: parts (``store``), builds to be taken up again (``journal``, ``rows``),
one builder at a time (``rlm.locks``), what there is and what can go (``inventory``).
"""
