"""``python -m rlm.cli``."""

from rlm.cli import main

if __name__ == "__main__":
    main()
