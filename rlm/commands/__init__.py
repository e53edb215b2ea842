"""What each command of ``videorlm`` does, one file a command; ``rlm/cli`` has their options.

A command joins the rooms below: it takes events from the agent, gives them to a renderer in
``rlm/ui``, and returns an exit code.
"""
