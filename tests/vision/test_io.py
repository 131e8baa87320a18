"""Pictures in files, as tensors of bytes."""

import io as streams

import numpy as np
import pytest
from PIL import Image, ImageOps
from vision.small_files import chunk, deep_png_of

import flambeau
from flambeau.vision import io

random = np.random.default_rng(0)
BYTES = flambeau.tensor(random.integers(0, 256, (3, 12, 10), np.uint8))


def in_file(picture, format, **options):
    stream = streams.BytesIO()
    picture.save(stream, format=format, **options)
    return flambeau.tensor(np.frombuffer(stream.getvalue(), np.uint8).copy())


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_bit(tmp_path, channels):
    picture = BYTES[:channels]
    path = tmp_path / "a.png"
    io.write_png(picture, path, compression_level=9)
    assert flambeau.equal(io.read_image(path), picture) and flambeau.equal(io.decode_image(str(path)), picture)
    assert flambeau.equal(io.decode_png(io.encode_png(picture)), picture)
    assert flambeau.equal(io.read_file(path), io.encode_png(picture, 9))


def test_modes_choose_channels():
    written = io.encode_png(BYTES)
    for mode, channels in (("GRAY", 1), ("gray_alpha", 2), ("RGB", 3), (io.ImageReadMode.RGBA, 4)):
        made = io.decode_png(written, mode)
        assert made.shape == (channels, 12, 10) and made.dtype == flambeau.uint8
        if channels % 2 == 0:
            assert (made[-1] == 255).all()
        if channels >= 3:
            assert flambeau.equal(made[:3], BYTES)
    palette = Image.fromarray(BYTES.permute(1, 2, 0).numpy()).convert("P")
    expected = np.asarray(palette.convert("RGB")).transpose(2, 0, 1)
    assert (io.decode_image(in_file(palette, "PNG")).numpy() == expected).all()
    with_opacity = Image.fromarray(random.integers(0, 256, (5, 6, 4), np.uint8))
    assert io.decode_png(in_file(with_opacity, "PNG")).shape == (4, 5, 6)
    bits = Image.fromarray(np.eye(5) > 0)
    assert io.decode_png(in_file(bits, "PNG")).tolist() == [(np.eye(5) * 255).astype(int).tolist()]


def test_jpeg_is_close(tmp_path):
    smooth = flambeau.linspace(0, 255, 64).expand(3, 48, 64).to(flambeau.uint8)
    path = tmp_path / "a.jpg"
    io.write_jpeg(smooth, path, quality=95)
    made = io.read_image(path)
    assert (made.int() - smooth.int()).abs().max().item() < 8
    assert io.read_image(path, "GRAY").shape == (1, 48, 64)
    several = io.decode_jpeg(io.encode_jpeg([smooth, smooth[:1]]))
    assert [tuple(picture.shape) for picture in several] == [(3, 48, 64), (1, 48, 64)]
    turned = in_file(Image.fromarray(smooth.permute(1, 2, 0).numpy()), "JPEG", exif=_turned())
    assert io.decode_jpeg(turned).shape == (3, 48, 64)
    assert io.decode_image(turned, apply_exif_orientation=True).shape == (3, 64, 48)
    with pytest.raises(RuntimeError, match="not supported for JPEG"):
        io.decode_jpeg(io.encode_jpeg(smooth), "RGBA")


def _turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_other_formats():
    frames = [Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8)) for _ in range(3)]
    film = in_file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert io.decode_gif(film).shape == io.decode_image(film).shape == (3, 3, 5, 6)
    assert io.decode_gif(in_file(frames[0], "GIF")).shape == (3, 5, 6)
    exact = in_file(frames[0], "WEBP", lossless=True)
    assert (io.decode_webp(exact).permute(1, 2, 0).numpy() == np.asarray(frames[0])).all()


@pytest.mark.parametrize("channels, kind", [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_sixteen_bits(channels, kind):
    levels = random.integers(0, 65536, (12, 7, channels), np.uint16)
    written = deep_png_of(levels, kind)
    file = flambeau.tensor(np.frombuffer(written, np.uint8).copy())
    made = io.decode_png(file)
    assert made.dtype == flambeau.uint16 and (made.numpy() == levels.transpose(2, 0, 1)).all()
    planes = levels.transpose(2, 0, 1).astype(float)
    opacity = planes[-1:] if channels % 2 == 0 else np.full((1, 12, 7), 65535.0)
    colours = np.concatenate([planes[:1]] * 3) if channels < 3 else planes[:3]
    grey = (np.array([0.2989, 0.587, 0.1141]) @ colours.reshape(3, -1)).reshape(1, 12, 7)
    for mode, expected in (
        ("RGB", colours), ("RGBA", np.concatenate([colours, opacity])),
        ("GRAY", grey), ("GRAY_ALPHA", np.concatenate([grey, opacity])),
    ):  # fmt: skip
        found = io.decode_image(file, mode)
        assert found.shape == expected.shape and abs(found.numpy() - expected).max() < (3 if mode[0] == "G" else 0.5)
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        extra = chunk(b"eXIf", exif.tobytes()[6:])
        turned = flambeau.tensor(np.frombuffer(written[:33] + extra + written[33:], np.uint8).copy())
        picture = Image.fromarray((levels[..., 0] >> 8).astype(np.uint8))
        picture.getexif()[0x0112] = orientation
        upright = np.asarray(ImageOps.exif_transpose(picture))
        found = io.decode_png(turned, apply_exif_orientation=True).numpy()[0] >> 8
        assert (found == upright).all()
        assert io.decode_png(turned).shape == (channels, 12, 7)


def test_wrong_inputs_are_refused(tmp_path):
    (tmp_path / "deep.png").write_bytes(in_file(Image.fromarray(np.zeros((2, 2), np.uint16)), "PNG").numpy().tobytes())
    png = io.encode_png(BYTES)
    for error, words, call in [
        (RuntimeError, "No such file", lambda: io.read_image(tmp_path / "none")),
        (RuntimeError, "not a picture", lambda: io.decode_image(flambeau.zeros(30, dtype=flambeau.uint8))),
        (RuntimeError, "not a picture", lambda: io.decode_jpeg(png)),
        (RuntimeError, "damaged", lambda: io.decode_png(png[:60])),
        (RuntimeError, "must have uint8", lambda: io.decode_png(png.int())),
        (RuntimeError, "1-dimensional and non-empty", lambda: io.decode_png(png[:0])),
        (RuntimeError, "damaged", lambda: io.decode_png(io.read_file(tmp_path / "deep.png")[:43])),
        (RuntimeError, "dtype should be uint8", lambda: io.encode_png(BYTES.float())),
        (RuntimeError, "3-dimensional", lambda: io.encode_jpeg(BYTES[0])),
        (RuntimeError, "1 or 3, got: 2", lambda: io.encode_png(BYTES[:2])),
        (RuntimeError, "between 0 and 9", lambda: io.encode_png(BYTES, 10)),
        (ValueError, "between 1 and 100", lambda: io.encode_jpeg(BYTES, 0)),
        (ValueError, "at least one element", lambda: io.decode_jpeg([])),
        (RuntimeError, "HEIC", lambda: io.decode_heic(png)),
        (RuntimeError, "1-dimensional", lambda: io.write_file(tmp_path / "x", BYTES)),
        (NotImplementedError, "read_video: films", lambda: io.read_video("a.mp4")),
        (NotImplementedError, "VideoReader: films", lambda: io.VideoReader("a.mp4")),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            call()
