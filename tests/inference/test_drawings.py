from pathlib import Path

import cv2
import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.inference.drawings import drawing_paths, write_drawing

OUT = Path("out")


@pytest.mark.parametrize(
    ("photographs", "drawings"),
    [
        (["x/a.jpg", "y/b.webp"], ["a.png", "b.png"]),
        (["day/left/1.jpg", "day/right/1.jpg"], ["left/1.png", "right/1.png"]),
        (["left/1.jpg", "1.jpg"], ["left/1.png", "1.png"]),
        (["a.jpg", "a.png", "b.jpg"], ["a.jpg.png", "a.png.png", "b.jpg.png"]),
        (["a.jpg", "./a.jpg"], ["a.png", "a.png"]),
    ],
)
def test_each_photograph_has_a_drawing_of_its_own(photographs, drawings):
    found = drawing_paths([Path(each) for each in photographs], OUT)
    assert [found[Path(each)] for each in photographs] == [OUT / d for d in drawings]


def test_one_photograph_may_name_its_drawing(tmp_path):
    photo, drawing = tmp_path / "a.png", tmp_path / "new" / "b.jpg"
    assert drawing_paths([photo], drawing) == {photo: drawing}
    write_drawing(drawing, np.full((20, 30, 3), (250, 10, 10), np.uint8))
    assert cv2.imread(str(drawing))[10, 10].tolist() == pytest.approx(
        [10, 10, 250], abs=5
    )
    with pytest.raises(InputError, match="b.jpg: give a folder"):
        drawing_paths([photo, tmp_path / "c.png"], drawing)
    folder = tmp_path / "folder.jpg"
    folder.mkdir()
    assert drawing_paths([photo], folder) == {photo: folder / "a.png"}


@pytest.mark.parametrize("name", ["a.gif", "a.tif", "a.HEIC"])
def test_a_drawing_of_another_format_is_no_folder(name):
    with pytest.raises(InputError, match=f"{name}: suffix: expected .png.*or a folder"):
        drawing_paths([Path("b.jpg")], Path(name))


@pytest.mark.parametrize("name", ["a.webp", "a.jpg"])
def test_a_drawing_too_large_for_its_format_is_one_line(name, tmp_path, capfd):
    with pytest.raises(InputError, match=f"{name}: 66000 x 2 pixels are too many"):
        write_drawing(tmp_path / name, np.zeros((2, 66000, 3), np.uint8))
    assert list(tmp_path.iterdir()) == [] and capfd.readouterr().err == ""


def test_no_drawing_replaces_a_photograph(tmp_path):
    photo = tmp_path / "a.png"
    photo.touch()
    for out in (tmp_path, photo, tmp_path / "x" / ".."):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="a.png: it would replace the input"):
            drawing_paths([photo], out)


def test_a_file_in_place_of_a_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(InputError, match=f"{folder}: it cannot be made a folder: "):
            write_drawing(folder / "a.png", np.zeros((4, 4, 3), np.uint8))
    assert (tmp_path / "file").read_text() == "mine"
