import importlib.util
import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from fpd_tf.data import images
from fpd_tf.data.checks import keep_good
from fpd_tf.data.images import (
    MOST_PIXELS,
    SUFFIXES,
    check_images,
    read_image,
    upright_size,
)
from fpd_tf.data.people import People, Sample
from fpd_tf.data.photograph import Photograph
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
    for read in (
        read_image,
        lambda path: Photograph(path).pixels(),
        lambda path: check_images(People([person_on(path)], LSP)),
    ):
        with pytest.raises(InputError, match="a.jpg: expected a whole photograph"):
            read(path)


WRITTEN = {
    "grey.bmp": ("L", {}),
    "two_shades.bmp": ("1", {}),
    "palette.bmp": ("P", {}),
    "with_room.bmp": ("RGBA", {}),
    "grey.png": ("L", {}),
    "palette.png": ("P", {}),
    "see_through.png": ("RGBA", {}),
    "grey.jpg": ("L", {}),
    "print.jpg": ("CMYK", {}),
    "progressive.jfif": ("RGB", {"format": "jpeg", "progressive": True}),
    "colours.webp": ("RGB", {"lossless": True}),
    "colours.tif": ("RGB", {}),
    "packed.tiff": ("RGB", {"compression": "tiff_lzw"}),
    "moving.gif": ("P", {"save_all": True}),
    "moving.webp": ("RGB", {"save_all": True, "lossless": True}),
    "colours.avif": ("RGB", {"quality": 100}),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_is_read_checked_and_cropped_alike(tmp_path, name):
    """Of moving pictures the first frame, whose left half is red."""
    mode, options = WRITTEN[name]
    path, picture = tmp_path / name, Image.fromarray(COLORS).convert(mode)
    others = [Image.fromarray(COLORS[:, ::-1]).convert(mode)]
    more = {"append_images": others} if "save_all" in options else {}
    picture.save(path, **options, **more)
    assert path.suffix in SUFFIXES
    image = read_image(path)
    expected = np.array(picture.convert("RGB")).astype(int)
    away_from_the_edge = np.r_[0:7, 24:30]
    apart = np.abs(image - expected)[:, away_from_the_edge]
    assert image.shape == (20, 30, 3) and apart.max() <= 6
    assert np.abs(Photograph(path).pixels().astype(int) - image).max() <= 1
    assert len(check_images(People([person_on(path)], LSP))) == 1


def test_heic_says_what_reads_it_or_is_read(tmp_path):
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    wanted = "phone.heic: expected a whole photograph"
    if importlib.util.find_spec("pillow_heif") is None:
        wanted += ".*pip install pillow-heif"
    with pytest.raises(InputError, match=wanted):
        read_image(path)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_thirty_two_bits_are_refused(tmp_path, mode):
    Image.new(mode, (30, 20), 7).save(tmp_path / "deep.tif")
    with pytest.raises(InputError, match="8 or 16 bits for each colour"):
        read_image(tmp_path / "deep.tif")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_large_photographs_are_read_and_larger_ones_refused(
    tmp_path, monkeypatch, suffix
):
    """Pillow warns from 90 megapixels on, and refuses 180: neither is heard of."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = write(tmp_path / f"large.{suffix}")
    assert read_image(path).shape == (20, 30, 3)
    assert Image.MAX_IMAGE_PIXELS == 100
    monkeypatch.setattr(images, "MOST_PIXELS", 599)
    for read in (
        read_image,
        lambda path: Photograph(path).decoded(8),
        lambda path: check_images(People([person_on(path)], LSP)),
    ):
        with pytest.raises(InputError, match=r"large\.\w+: size: .* Received: 30 x 20"):
            read(path)
    assert 200e6 < MOST_PIXELS == 300_000_000


@pytest.mark.parametrize("size", [(1, 1), (300, 15), (15, 300)])
def test_tiny_photographs_are_refused(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "tiny.png")
    wanted = f"at least 16 x 16 pixels. Received: {size[0]} x {size[1]}"
    with pytest.raises(InputError, match=wanted):
        check_images(People([person_on(tmp_path / "tiny.png")], LSP))


def test_sixteen_pixels_are_enough(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "small.png")
    assert len(check_images(People([person_on(tmp_path / "small.png")], LSP))) == 1


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_all_see_a_turned_photograph_upright(tmp_path, caplog, orientation, suffix):
    path = write(tmp_path / f"turned.{suffix}", orientation)
    upright = np.array(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    np.testing.assert_array_equal(read_image(path), upright)
    np.testing.assert_array_equal(Photograph(path).pixels(), upright)
    height, width = upright.shape[:2]
    assert (width, height) == ((20, 30) if orientation > 4 else (30, 20))
    assert upright_size(path) == (width, height)
    person = replace(person_on(path), image_size=(width, height))
    with caplog.at_level(logging.WARNING, "fpd_tf"):
        assert len(check_images(People([person] * 2, LSP))) == 2
    (record,) = caplog.records
    assert record.getMessage().startswith("1 of 1 photographs are turned upright")


ON_ITS_SIDE = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></x:xmpmeta>"""


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_an_orientation_in_xmp_is_ignored_by_all(tmp_path, suffix):
    """Pillow follows it; browsers, annotation tools and OpenCV do not."""
    path = tmp_path / f"edited.{suffix}"
    Image.fromarray(COLORS).save(path, xmp=ON_ITS_SIDE)
    assert ImageOps.exif_transpose(Image.open(path)).size == (20, 30)
    assert upright_size(path) == (30, 20)
    for read in (read_image, lambda each: Photograph(each).pixels()):
        assert read(path).shape == (20, 30, 3)
    person = replace(person_on(path), image_size=(30, 20))
    assert len(check_images(People([person], LSP))) == 1


def test_a_turn_that_opencv_does_not_see_is_applied(tmp_path, monkeypatch):
    path = write(tmp_path / "turned.jpg", orientation=6)
    stored = np.array(Image.open(path))
    monkeypatch.setattr(cv2, "imdecode", lambda content, how: stored)
    assert Photograph(path).pixels().shape == (30, 20, 3)


def test_labels_of_the_stored_pixels_are_refused(tmp_path):
    path = write(tmp_path / "turned.jpg", orientation=6)
    person = replace(person_on(path), image_size=(30, 20))
    with pytest.raises(InputError, match="size: .* 30 x 20. Received: 20 x 30, up"):
        check_images(People([person], LSP))


def test_labels_of_another_picture_are_refused(tmp_path):
    person = replace(person_on(write(tmp_path / "a.png")), image_size=(60, 40))
    good = replace(person, image_size=(30, 20))
    people = People([good, person], LSP)
    with pytest.raises(InputError, match="expected .* 60 x 40. Received: 30 x 20$"):
        check_images(people)
    assert list(check_images(people, on_error="skip")) == [good]


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("said", [(30, 20), (20, 31)])
def test_who_reads_a_crop_is_told_of_labels_of_another_size(tmp_path, said, reduced):
    path = write(tmp_path / "turned.jpg", orientation=6)
    fitting, other = (
        replace(person_on(path), image_size=size).image for size in ((20, 30), said)
    )
    matrix = Box(10, 15, 30).matrix(8)
    assert fitting.crop(matrix, 8, reduced=reduced).any()
    with pytest.raises(InputError, match="turned.jpg: size: .* Received: 20 x 30, up"):
        other.crop(matrix, 8, reduced=reduced)


@pytest.mark.parametrize("box", [Box(200, 10, 20), Box(10, -50, 80), Box(-6, 10, 9)])
def test_a_box_beside_its_photograph_is_refused(tmp_path, box):
    good = person_on(write(tmp_path / "a.png"))
    people = People([replace(good, box=box), good], LSP)
    with pytest.raises(InputError, match="a.png: box .* on the 30 x 20 picture. .*Box"):
        check_images(people)
    assert list(check_images(people, on_error="skip")) == [good]


def test_upright_exif_passes(tmp_path, caplog):
    person = person_on(write(tmp_path / "upright.jpg", orientation=1))
    assert list(check_images(People([person], LSP))) == [person]
    assert not caplog.records


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
        np.testing.assert_array_equal(Photograph(path).pixels(), read_image(path))
