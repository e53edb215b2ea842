"""The texts a language model reads, as Jinja templates beside this file. No code lives here."""
