"""Networks that say how far pixels moved from one picture to the next."""

from .raft import *  # noqa: F403
