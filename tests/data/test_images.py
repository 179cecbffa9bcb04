import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fpd_tf.data.images import check_images, keep_good, read_image
from fpd_tf.data.people import People, Sample
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP

COLORS = np.zeros((20, 30, 3), np.uint8)
COLORS[:, :15] = (204, 51, 102)
TURN = 0x0112


def write(path: Path, orientation: int | None = None, mode: str = "RGB") -> Path:
    image = Image.fromarray(COLORS).convert(mode)
    exif = Image.Exif()
    if orientation:
        exif[TURN] = orientation
    image.save(path, exif=exif)
    return path


def person_on(path: Path) -> Sample:
    known = np.ones(14, bool)
    return Sample(path, np.ones((14, 2)), known, known, Box(1, 1, 200))


def test_pixels_come_back_as_rgb(tmp_path):
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png")), COLORS)


@pytest.mark.parametrize(
    "name, mode", [("a.png", "L"), ("a.jpg", "CMYK"), ("a.png", "P"), ("a.png", "RGBA")]
)
def test_other_colour_modes_become_rgb(tmp_path, name, mode):
    wanted = COLORS
    if mode == "L":
        wanted = np.repeat(
            np.array(Image.fromarray(COLORS).convert("L"))[..., None], 3, 2
        )
    image = read_image(write(tmp_path / name, mode=mode))
    assert image.shape == (20, 30, 3) and image.dtype == np.uint8
    away_from_the_edge = np.r_[0:7, 24:30]
    apart = image.astype(int)[:, away_from_the_edge] - wanted[:, away_from_the_edge]
    assert np.abs(apart).max() <= 4


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_keep_the_upper_eight(tmp_path, channels):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.full((20, 30, channels), 200 * 256 + 99, np.uint16))
    assert (read_image(path) == 200).all()


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_turn_is_applied(tmp_path, suffix):
    # 6: the stored left edge is the top of the picture as viewers show it.
    image = read_image(write(tmp_path / f"turned.{suffix}", orientation=6))
    assert image.shape == (30, 20, 3)
    assert image[2, 10, 0] > 190 and image[27, 10, 0] < 10


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


BROKEN = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello"),
    "half": half,
    "without the end marker": without_the_end,
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_broken_files_are_refused_with_their_name(tmp_path, damage):
    path = write(tmp_path / "a.jpg")
    damage(path)
    for read in (read_image, lambda path: check_images(People([person_on(path)], LSP))):
        with pytest.raises(InputError, match="a.jpg: expected a whole photograph"):
            read(path)


def test_formats_that_tensorflow_cannot_decode_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(COLORS).save(path)
    with pytest.raises(InputError, match="JPEG, PNG, BMP or WebP"):
        read_image(path)


FORMS = {
    "grey.bmp": ("L", {}),
    "colours.bmp": ("RGB", {}),
    "with_room.bmp": ("RGBA", {}),
    "grey.png": ("L", {}),
    "two_shades.png": ("1", {}),
    "palette.png": ("P", {}),
    "see_through.png": ("RGBA", {}),
    "grey.jpg": ("L", {}),
    "print.jpg": ("CMYK", {}),
    "progressive.jpg": ("RGB", {"progressive": True}),
    "colours.webp": ("RGB", {"lossless": True}),
}


@pytest.mark.parametrize("name", FORMS)
def test_tensorflow_decodes_what_passes_to_the_same_pixels(tmp_path, name):
    mode, options = FORMS[name]
    path = tmp_path / name
    Image.fromarray(COLORS).convert(mode).save(path, **options)
    check_images(People([person_on(path)], LSP))
    decoded = tf.io.decode_image(path.read_bytes(), 3, expand_animations=False)
    apart = np.abs(decoded.numpy().astype(int) - read_image(path))
    assert apart.max() <= (10 if path.suffix == ".jpg" else 0)


def turned_to(path, mode):
    Image.fromarray(COLORS).convert(mode).save(path)


def sixteen_bits(path):
    """5 bits a colour: the header of 24 and its number of bits changed."""
    turned_to(path, "RGB")
    content = bytearray(path.read_bytes())
    content[28] = 16
    path.write_bytes(content)


def old_header(path):
    """OS/2's twelve bytes, which hold sides of 16 bits."""
    turned_to(path, "RGB")
    size, pixels = (30, 20), path.read_bytes()[54:]
    header = b"BM" + (26 + len(pixels)).to_bytes(4, "little") + bytes(4)
    shape = b"".join(each.to_bytes(2, "little") for each in (*size, 1, 24))
    sizes = (26).to_bytes(4, "little") + (12).to_bytes(4, "little")
    path.write_bytes(header + sizes + shape + pixels)


def moving(path):
    frames = [Image.fromarray(COLORS), Image.fromarray(COLORS[:, ::-1])]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def see_through(path):
    picture = Image.fromarray(COLORS)
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(path)


def without_its_last_chunk(path):
    turned_to(path, "RGB")
    path.write_bytes(path.read_bytes()[:-12])


OTHERWISE = {
    "palette.bmp": lambda path: turned_to(path, "P"),
    "two_shades.bmp": lambda path: turned_to(path, "1"),
    "sixteen.bmp": sixteen_bits,
    "old.bmp": old_header,
    "see_through.webp": see_through,
    "moving.webp": moving,
    "endless.png": without_its_last_chunk,
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_tensorflow_decodes_otherwise_or_not_is_refused(tmp_path, name):
    path = tmp_path / name
    OTHERWISE[name](path)
    assert read_image(path).shape == (20, 30, 3)
    try:
        decoded = tf.io.decode_image(path.read_bytes(), 3, expand_animations=False)
        assert np.abs(decoded.numpy().astype(int) - read_image(path)).max() > 20
    except tf.errors.InvalidArgumentError:
        pass
    with pytest.raises(InputError, match=f"{name}: expected a "):
        check_images(People([person_on(path)], LSP))


@pytest.mark.parametrize("size", [(1, 1), (300, 15), (15, 300)])
def test_tiny_photographs_are_refused(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "tiny.png")
    wanted = f"at least 16 x 16 pixels. Received: {size[0]} x {size[1]}"
    with pytest.raises(InputError, match=wanted):
        check_images(People([person_on(tmp_path / "tiny.png")], LSP))


def test_sixteen_pixels_are_enough(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "small.png")
    assert len(check_images(People([person_on(tmp_path / "small.png")], LSP))) == 1


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_turned_photographs_are_refused_for_training(tmp_path, orientation):
    path = write(tmp_path / "turned.jpg", orientation)
    with pytest.raises(InputError, match=f"upright.*Received: {orientation}"):
        check_images(People([person_on(path)], LSP))


def test_upright_exif_passes(tmp_path):
    person = person_on(write(tmp_path / "upright.jpg", orientation=1))
    assert list(check_images(People([person], LSP))) == [person]


def test_skip_leaves_out_everybody_on_a_bad_photograph_and_counts(tmp_path, caplog):
    good, bad = (write(tmp_path / f"{name}.jpg") for name in ("good", "bad"))
    half(bad)
    gone = tmp_path / "gone.jpg"
    paths = bad, good, bad, good, gone
    people = People([person_on(path) for path in paths], LSP)
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        kept = check_images(people, on_error="skip")
    assert list(kept) == [people[1], people[3]]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"skipped 3 of 5 people: {bad}: expected")


def test_nobody_left_is_an_error_even_when_skipping(tmp_path):
    with pytest.raises(InputError, match="gone.jpg"):
        check_images(People([person_on(tmp_path / "gone.jpg")], LSP), on_error="skip")


def test_unknown_on_error_is_refused():
    with pytest.raises(InputError, match="on_error: expected raise or skip"):
        keep_good([], on_error="ignore")


def test_real_photographs_pass(shared_data):
    paths = sorted((shared_data / "lspet" / "images").glob("im000*.jpg"))
    paths += sorted((shared_data / "mpii-sample" / "images").glob("*.jpg"))
    people = People([person_on(path) for path in paths], LSP)
    assert len(check_images(people)) == len(people) == 104
    for path in paths[::20]:
        image = read_image(path)
        bgr = cv2.imread(str(path))
        assert np.abs(image.astype(int) - bgr[..., ::-1]).mean() < 1
