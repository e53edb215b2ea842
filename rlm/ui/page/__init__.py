"""Runs as pages in a browser: a saved run, a run under way, a list of runs.

::

    events ─> rows.py ─> small JSON rows ─┬─> document.py   all of them in one file     (view)
                                          └─> live.py       one after another, as they come (--live)

Either way the same scripts draw them: ``script/`` (``run.js`` keeps what the rows say, ``turns.js``
and ``timeline.js`` draw it, ``page.js`` is keys, links and search). They make text of whatever a
row says, never markup, and the page's policy lets nothing else run and nothing be fetched.
"""
