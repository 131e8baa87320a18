"""``python -m awkward_calls SEED COUNT`` (in this folder's parent) tells what many awkward calls do."""

from __future__ import annotations

import sys
from collections import Counter

from . import awkward, compared


def main() -> None:
    seed, count = map(int, sys.argv[1:3])
    lines = awkward(seed, count)
    found = compared(lines)
    for kind, number in Counter(one.kind for one in found).most_common():
        print(f"{number:6d} {kind}")
    refused = [one for one in found if one.theirs[0] == "raises"]
    same = sum(one.kind == "same error" for one in refused)
    print(f"PyTorch refuses {len(refused)}; Flambeau {same} of them with the same type: {same / len(refused):.2%}")
    for one in found:
        if not one.kind.startswith("same"):
            print(f"{one.kind}\n    {one.call}\n    PyTorch:  {one.theirs}\n    Flambeau: {one.ours}")


main()
