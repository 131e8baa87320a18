"""The table of PyTorch's names: all are in it, and none becomes less than it says."""

from flambeau.surface.pytorch_names import names_of, sections
from tools import name_table

BETTER = {"offered": {"offered"}, "inert": {"inert", "offered"}, "refused": {"refused", "inert", "offered"}}


def test_every_public_name_is_listed():
    table = name_table.listed()
    missing = []
    for module in sections():
        if "._" in module or module.startswith("torch.ops."):
            continue
        known = {name for names in table.get(module, {}).values() for name in names}
        public = {name for name, (kind, _) in names_of(module).items() if kind != "parent" and not name.startswith("_")}
        missing += [f"{module}.{name}" for name in sorted(public - known)]
    assert not missing, "run python -m tools.name_table"


def test_nothing_leaves_silently():
    table, now = name_table.listed(), name_table.current()
    assert sum(len(names.get("offered", ())) for names in table.values()) > 2000
    found = {f"{module}.{name}": status for module, names in now.items() for status in names for name in names[status]}
    worse = [
        f"{module}.{name}: {status} once, {found.get(f'{module}.{name}', 'missing')} now"
        for module, names in table.items()
        for status in names
        for name in names[status]
        if found.get(f"{module}.{name}", "missing") not in BETTER[status]
    ]
    assert not worse
