"""``python -m flambeau`` is the ``flambeau`` command."""

from .command import main

if __name__ == "__main__":
    main()
