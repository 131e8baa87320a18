"""Damages files at random, and reads them in a process whose memory and time are limited.

    python tests/damaged_files.py DIRECTORY COUNT [SEED [FORMAT ...]]

reads each file of the directory that ``write_files`` of ``test_damaged_files.py`` fills, COUNT times a format, and prints
as JSON what went wrong: an undocumented error, one that does not name the file, a wrong result, more memory than four
times the file's size and 64 MB, or more time than some seconds. This process never imports PyTorch.
"""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import random
import resource
import signal
import struct
import sys
import traceback
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import flambeau
from flambeau.vision.datasets.batches import read_batch
from flambeau.vision.datasets.folder import default_loader
from flambeau.vision.datasets.mnist import read_idx

SECONDS = 5
LOAD_ERRORS = (RuntimeError, pickle.UnpicklingError, EOFError)


class TimeIsUp(BaseException):
    pass


def load(path):
    return flambeau.load(path)


def load_trusted(path):
    return flambeau.load(path, weights_only=False)


def picture(path):
    return np.asarray(default_loader(path))


#: By a format's name: how it is read, the errors it is documented to raise, and whether checksums guard the contents.
FORMATS = {
    "zip": (load, LOAD_ERRORS, True),
    "zip_ours": (load, LOAD_ERRORS, True),
    "zip_module": (load_trusted, (*LOAD_ERRORS, AttributeError, ImportError), True),
    "zip_storages": (load, LOAD_ERRORS, True),
    "legacy": (load, LOAD_ERRORS, False),
    "legacy_ours": (load, LOAD_ERRORS, False),
    "legacy_module": (load_trusted, (*LOAD_ERRORS, AttributeError, ImportError), False),
    "cifar_2": (read_batch, (pickle.UnpicklingError,), False),
    "cifar_4": (read_batch, (pickle.UnpicklingError,), False),
    "cifar_5": (read_batch, (pickle.UnpicklingError,), False),
    "idx": (read_idx, (ValueError,), False),
    "idx.gz": (read_idx, (ValueError,), True),
    "picture.png": (picture, (OSError,), False),
    "picture.jpg": (picture, (OSError,), False),
    "picture.bmp": (picture, (OSError,), False),
    "picture.ppm": (picture, (OSError,), False),
    "picture.webp": (picture, (OSError,), False),
    "picture.tiff": (picture, (OSError,), False),
}

#: What zeros a few bytes of a compressed file may stand for.
MUCH = 50 << 20

LENGTHS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)

# --- damage to any file ---------------------------------------------------------------------------------------------


def flip(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def cut(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def insert(data: bytearray, rng: random.Random) -> bytearray:
    place = rng.randrange(len(data))
    data[place:place] = rng.randbytes(rng.choice((1, 2, 4, 8, 64)))
    return data


def remove(data: bytearray, rng: random.Random) -> bytearray:
    place = rng.randrange(len(data))
    del data[place : place + rng.choice((1, 2, 4, 8, 64))]
    return data


def splice(data: bytearray, rng: random.Random) -> bytearray:
    """Copy a part of the file over another one."""
    start, place = rng.randrange(len(data)), rng.randrange(len(data))
    part = data[start : start + rng.choice((2, 8, 32, 256))]
    data[place : place + len(part)] = part
    return data


def overwrite_length(data: bytearray, rng: random.Random) -> bytearray:
    """Put a number of two, four or eight bytes where one may be that says how long something is."""
    size, order = rng.choice((2, 4, 8)), rng.choice("<>")
    value = rng.choice(LENGTHS) if rng.random() < 0.7 else rng.getrandbits(size * 8)
    place = rng.randrange(max(1, min(len(data) - size, rng.choice((40, 400, len(data))))))
    if rng.random() < 0.3:  # as far from the end: a zip archive's directory is there
        place = max(0, len(data) - size - place)
    data[place : place + size] = struct.pack(order + {2: "H", 4: "I", 8: "Q"}[size], value & ((1 << size * 8) - 1))
    return data


ANY = (flip, cut, insert, remove, splice, overwrite_length)

# --- damage that knows what pickles are -----------------------------------------------------------------------------

#: Instructions with awkward arguments.
INSTRUCTIONS = (
    b"\x8a\xff",
    b"\x8b\xff\xff\xff\x7f",
    b"\x8b\xff\xff\xff\xff",
    b"r\xff\xff\xff\xff",
    b"j\xff\xff\xff\x7f",
    b"p2000000000\n",
    b"B\xff\xff\xff\xff",
    b"X\xff\xff\xff\x7f",
    b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x8d\xff\xff\xff\x7f\x00\x00\x00\x00",
    b"\x96\x00\x00\x00\x00\x01\x00\x00\x00",
    b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x95\xff\xff\xff\xff\x0f\x00\x00\x00",
    b"T\xff\xff\xff\x7f",
    b"I" + b"9" * 5000 + b"\n",
    b"L" + b"9" * 5000 + b"L\n",
    b"N", b"0", b"1", b"2", b"(", b")", b"]", b"}", b"t", b"\x85", b"\x86", b"\x87", b"a", b"e", b"s", b"u", b"b", b"R",
    b"Q", b".", b"\x8f", b"\x90", b"\x91", b"\x94", b"\x81", b"\x92", b"h\x00", b"h\xff", b"K\x01", b"G\x7f\xf0" + bytes(6),
)  # fmt: skip
#: Calls that a file may not make, unless it is trusted with everything.
CALLS = (
    b"cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x01\x85R",
    b"cbuiltins\nbytes\n\x8a\x05\x00\x00\x00\x00\x01\x85R",
    b"c_codecs\nencode\nX\x03\x00\x00\x00abcX\x06\x00\x00\x00utf-32\x86R",
    b"ctorch\nTensor\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R",
    b"ctorch\nFloatStorage\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R",
    b"ctorch\nSize\n)\x81",
)
#: A tuple that holds one twice, which holds one twice, and so on, as a key.
BOMBS = (
    b"}K\x01" + b"2\x86" * 40 + b"Ns",
    b"}K\x01" + b"\x85" * 20000 + b"Ns",
    b"}(K\x01" + b"2\x86" * 40 + b"Nu",
    b"\x8f(K\x01" + b"2\x86" * 40 + b"\x90",
    b"cbuiltins\nset\n]K\x01" + b"2\x86" * 40 + b"a\x85R",
    b"ccollections\nOrderedDict\n]K\x01" + b"2\x86" * 40 + b"K\x01\x86a\x85R",
)


#: What files call, and arguments that it is not made for: tuples that double, and other things.
CALLED = (
    *("collections OrderedDict", "collections Counter", "builtins set", "builtins complex", "builtins bytearray"),
    *("_codecs encode", "torch Size", "torch device", "torch.serialization _get_layout"),
    *("torch._tensor _rebuild_from_type_v2", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3"),
    *("torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state"),
    *("numpy dtype", "numpy.core.multiarray _reconstruct", "numpy.core.multiarray scalar"),
    *("numpy.core.numeric _frombuffer", "builtins bytes"),
)
DOUBLING = b"K\x01" + b"2\x86" * 40
ARGUMENTS = (
    *(
        DOUBLING,
        b"]K\x01a" + b"2\x86" * 40,
        b"]" + DOUBLING + b"a",
        b"K\x01",
        b"U\x01a",
        b"N",
        b"(K\x01K\x01t",
        b")",
        b"}",
    ),
    *(b"ctorch\nfloat32\n", b"ctorch\nTensor\n", b"\x88"),
)


def hostile_call(rng: random.Random) -> bytes:
    """Something called with arguments that it is not made for, and given a state of that kind."""
    name = b"c" + rng.choice(CALLED).replace(" ", "\n").encode() + b"\n("
    arguments = b"".join(rng.choices(ARGUMENTS, k=rng.choice((1, 1, 2, 3, 4, 6, 7))))
    return name + arguments + b"t" + rng.choice((b"R", b"\x81", b"R" + rng.choice(ARGUMENTS) + b"b"))


def damage_pickle(data: bytes, rng: random.Random, trusted: bool = False) -> bytes:
    """Instructions inserted, removed, repeated, exchanged, or with other arguments."""
    starts = []
    try:
        for _, _, place in pickletools.genops(data):
            starts.append(place)
    except Exception:
        pass
    if not starts or None in starts:
        return bytes(rng.choice(ANY)(bytearray(data), rng))
    pieces = [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)])]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        place = rng.randrange(len(pieces))
        action = rng.randrange(7)
        if action == 0:
            pieces.insert(place, rng.choice(INSTRUCTIONS if trusted else INSTRUCTIONS + CALLS))
        elif action == 1:
            pieces.insert(place, rng.choice(BOMBS) if trusted or rng.random() < 0.3 else hostile_call(rng))
        elif action == 2 and len(pieces) > 1:
            del pieces[place]
        elif action == 3:
            pieces.insert(place, rng.choice(pieces))
        elif action == 4:
            other = rng.randrange(len(pieces))
            pieces[place], pieces[other] = pieces[other], pieces[place]
        elif action == 5 and len(pieces[place]) > 1:
            pieces[place] = pieces[place][:1] + bytes(rng.choice(ANY)(bytearray(pieces[place][1:]), rng))
        else:
            numbers = [i for i, piece in enumerate(pieces) if piece[:1] in b"KMJ\x8a"]
            if numbers:
                value = rng.choice((-1, 0, 1, 7, 1 << 31, 1 << 40, (1 << 63) - 1, 1 << 63, 1 << 70, -(1 << 63)))
                pieces[rng.choice(numbers)] = pickle.dumps(value, 2)[2:-1]
    return b"".join(pieces)


def damage_archive(data: bytes, rng: random.Random, trusted: bool) -> bytes:
    """An archive whose checksums are right: its pickle or another record is damaged, left out, compressed or renamed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w", compresslevel=1) as archive:
        names = source.namelist()
        chosen = next(name for name in names if name.endswith("data.pkl")) if rng.random() < 0.7 else rng.choice(names)
        action = rng.randrange(20)
        for name in names:
            record, kind = source.read(name), zipfile.ZIP_STORED
            if name == chosen:
                if name.endswith("data.pkl"):
                    record = damage_pickle(record, rng, trusted)
                elif action == 0:
                    continue
                elif action == 1:
                    name = name + "x"
                elif action == 2:
                    kind, record = zipfile.ZIP_DEFLATED, bytes(MUCH)
                elif record:
                    record = bytes(rng.choice(ANY)(bytearray(record), rng))
            archive.writestr(zipfile.ZipInfo(name), record, kind)
    return file.getvalue()


def damage_legacy(data: bytes, rng: random.Random, trusted: bool) -> bytes:
    """One of the five pickles in a row damaged as a pickle."""
    stream = io.BytesIO(data)
    ends = [0]
    for _ in range(5):
        for _ in pickletools.genops(stream):
            pass
        ends.append(stream.tell())
    number = rng.choice((0, 1, 2, 3, 3, 3, 3, 4))
    start, end = ends[number : number + 2]
    return data[:start] + damage_pickle(data[start:end], rng, trusted) + data[end:]


def damage_gzip(data: bytes, rng: random.Random, trusted: bool) -> bytes:
    """A gzipped file with damaged contents, or zeros without end behind them."""
    contents = bytearray(zlib.decompress(data, 31))
    contents = rng.choice(ANY)(contents, rng) if rng.random() < 0.97 else contents + bytes(MUCH)
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(contents) + packer.flush()


def damaged(format: str, data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """How a file was damaged, and what came of it."""
    special = {"zip": damage_archive, "leg": damage_legacy, "cif": damage_pickle}.get(format[:3])
    if format.endswith(".gz"):
        special = damage_gzip
    if special is not None and rng.random() < 0.5:
        return special.__name__, special(data, rng, format.endswith("module"))
    function = rng.choice(ANY)
    return function.__name__, bytes(function(bytearray(data), rng))


# --- reading --------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value as something that compares by contents."""
    if isinstance(value, flambeau.nn.Module):
        return plain(value.state_dict())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, value.tobytes())
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def read_limited(format: str, path: Path, expected: Any) -> str | None:
    """What is wrong with how a damaged file is read, if anything is."""
    read, errors, checked = FORMATS[format]
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (address_space() + 4 * path.stat().st_size + (64 << 20), hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    value = None
    try:
        value = read(str(path))
    except TimeIsUp:
        return f"more than {SECONDS} seconds:\n{traceback.format_exc()}"
    except BaseException as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        if not isinstance(error, errors) or (
            format[:3] in ("zip", "leg") and type(error) not in (*errors, ModuleNotFoundError)
        ):
            return f"undocumented {type(error).__name__}:\n{traceback.format_exc()}"
        if str(path) not in str(error):
            return f"does not name the file: {type(error).__name__}: {error}\n{traceback.format_exc()}"
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    if expected is not None and checked and plain(value) != expected:
        return "a wrong result"
    return None


def main(directory: Path, count: int, seed: int, formats: list[str]) -> None:
    def alarm(*unused: Any) -> None:
        raise TimeIsUp

    signal.signal(signal.SIGALRM, alarm)
    path = directory / "damaged"
    wrong: list[dict[str, Any]] = []
    outcomes = {}
    for format in formats or FORMATS:
        whole = (directory / format).read_bytes()
        expected = plain(FORMATS[format][0](str(directory / format)))
        rng = random.Random(f"{seed} {format}")
        place = path.with_suffix("." + format.rpartition(".")[2]) if "." in format else path
        tally: Counter[str] = Counter()
        for number in range(count):
            how, data = damaged(format, whole, rng)
            place.write_bytes(data)
            # Damage with right checksums is another file, not a damaged one.
            guarded = expected if how not in ("damage_archive", "damage_gzip") else None
            message = read_limited(format, place, guarded)
            tally["wrong" if message else "right"] += 1
            if message:
                kept = directory / f"wrong-{number}-{format}"
                kept.write_bytes(data)
                wrong.append({"format": format, "number": number, "how": how, "file": str(kept), "message": message})
        outcomes[format] = tally
    print(json.dumps({"wrong": wrong, "outcomes": outcomes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0, sys.argv[4:])
