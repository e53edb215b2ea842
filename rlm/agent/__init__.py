"""The agent: a language model, a jailed REPL and an index, in a loop. Read ``session.py`` first."""
