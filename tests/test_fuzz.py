"""Damaged files of every kind: an InputError, or what was there, and nothing else.

Run as a program, this file reads mutated files in a process of its own and prints how
many were refused: `python test_fuzz.py FOLDER FIRST COUNT READER ...`. A case is made
again by its reader and number.
"""

import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from fpd_tf import sandbox as child
from fpd_tf.data.images import check_images, read_image
from fpd_tf.data.lsp import load_lsp
from fpd_tf.data.mpii import RELEASE_FILE, load_mpii
from fpd_tf.data.people import People, Sample
from fpd_tf.drawn.layouts import synthesize
from fpd_tf.errors import InputError
from fpd_tf.geometry import Box
from fpd_tf.joints import LSP

HELD = Path(__file__).with_name("golden")
SECONDS, GIGABYTES = 60, 2


def mutated(content: bytes, chance: random.Random) -> bytes:
    """One to four changes: of a bit, byte or word, or a piece cut or put elsewhere."""
    data, size = bytearray(content), len(content)

    def somewhere():
        return chance.randrange(len(data))

    def flip():
        data[somewhere()] ^= 1 << chance.randrange(8)

    def overwrite():
        data[somewhere()] = chance.randrange(256)

    def extreme():
        at = somewhere() & ~3
        words = (0, 1, 2**31 - 1, 2**31, 2**32 - 1)
        data[at : at + 4] = chance.choice(words).to_bytes(4, "little")

    def cut():
        del data[max(1, somewhere()) :]

    def delete():
        if len(data) > 20:
            at = somewhere()
            del data[at : at + chance.randrange(1, 17)]

    def splice():
        at, source = somewhere(), chance.randrange(size)
        length = chance.randrange(1, 65)
        data[at : at + length] = content[source : source + length]

    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice((flip, flip, overwrite, extreme, cut, delete, splice))()
    return bytes(data)


def person_on(path):
    known = np.ones(14, bool)
    return Sample(path, np.ones((14, 2)), known, known, Box(1, 1, 200))


def read_photograph(path):
    check_images(People([person_on(path)], LSP))
    assert read_image(path).shape[2] == 3


def read_tflite(path):
    from fpd_tf.export.audit import audit_tflite

    audit_tflite(path)


def read_contract(path):
    from fpd_tf.contract import pose_json as contract

    contract.read_contract(path)


def read_network(path):
    from fpd_tf.models.keras_file import load_network

    load_network(path)


def read_film(path):
    from fpd_tf.codec import Heatmaps
    from fpd_tf.contract.rules import rules_for
    from fpd_tf.inference.video import predict_video
    from fpd_tf.predictors.predictor import heatmap_predictor

    def nothing(images):
        return np.zeros((len(images), 8, 8, 14), np.float32)

    rules = rules_for(LSP)
    predict_video(path, heatmap_predictor("nobody", Heatmaps(32), LSP, rules, nothing))


def mpii(folder):
    people = synthesize(folder / "people", count=4)
    for name in ("train", "valid"):
        (people / "annot" / f"{name}.json").rename(folder / f"{name}.json")
    release = people / RELEASE_FILE
    yield release, lambda path: load_mpii(people, "trainval")
    plain = folder / "plain" / RELEASE_FILE
    plain.parent.mkdir()
    savemat(plain, {"RELEASE": loadmat(release)["RELEASE"]})
    yield plain, lambda path: load_mpii(plain.parent, "trainval")


def lsp(folder):
    for name, compressed in (("packed", True), ("plain", False)):
        path = folder / name / "joints.mat"
        path.parent.mkdir()
        savemat(path, {"joints": np.ones((3, 14, 9))}, do_compression=compressed)
        yield path, lambda path: load_lsp(path.parent, "all")


def json(folder):
    people = synthesize(folder / "people", count=4)
    yield people / "annot" / "train.json", lambda path: load_mpii(people, "train")


def photographs(folder):
    picture = read_image(synthesize(folder / "p", count=2) / "images" / "000001.jpg")
    for suffix in ("jpg", "png", "bmp", "webp"):
        path = folder / f"photograph.{suffix}"
        cv2.imwrite(str(path), picture[::2, ::2])
        yield path, read_photograph


def films(folder):
    for suffix, code in (("avi", "MJPG"), ("mp4", "mp4v")):
        path = folder / f"film.{suffix}"
        film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 25, (64, 48))
        for shade in range(6):
            film.write(np.full((48, 64, 3), 40 * shade, np.uint8))
        film.release()
        yield path, read_film


def held(folder, name="", read=None):
    for each in HELD.glob("tiny*"):
        (folder / each.name).write_bytes(each.read_bytes())
    yield folder / name, read


READERS = {
    "mpii": mpii,
    "lsp": lsp,
    "json": json,
    "photographs": photographs,
    "contract": partial(held, name="tiny.pose.json", read=read_contract),
    "tflite": partial(held, name="tiny.tflite", read=read_tflite),
    "keras": partial(held, name="tiny.keras", read=read_network),
    "films": films,
}
MANY = {"mpii": 150, "lsp": 150, "json": 1000, "photographs": 1000, "contract": 1000}
MANY |= {"tflite": 500, "keras": 300, "films": 500}


def read_mutated(folder, first, count, *names):
    """Reads `count` mutated files with each reader; says how many were refused."""
    child.SECONDS = SECONDS / 2
    for name in names:
        place = folder / name
        place.mkdir()
        files = [(*each, each[0].read_bytes()) for each in READERS[name](place)]
        refused = 0
        for case in range(first, first + count):
            path, read, content = files[case % len(files)]
            path.write_bytes(mutated(content, random.Random(f"{name} {case}")))
            print(f"{name} {case}", file=sys.stderr, flush=True)
            signal.alarm(SECONDS)
            try:
                read(path)
            except InputError as error:
                assert "\n" not in str(error), error
                refused += 1
        signal.alarm(0)
        peak = gigabytes_at_most()
        assert peak < GIGABYTES, f"{peak:.1f} GB"
        print(name, refused)


def gigabytes_at_most():
    """Of this process; `ru_maxrss` would count what started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def run(folder, first, count, *names):
    """Reader -> refused, of a process that must not crash, hang, swell or raise."""
    arguments = (str(folder), str(first), str(count), *names)
    done = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-3000:]}"
    refused = dict(line.split() for line in done.stdout.splitlines())
    return {name: int(refused[name]) for name in names}


@pytest.mark.slow
def test_a_hundred_damaged_files_are_refused_or_read(tmp_path):
    refused = run(tmp_path, 0, 13, *READERS)
    assert all(0 < each <= 13 for each in refused.values()), refused


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_thousands_of_damaged_files_are_refused_or_read(tmp_path, name):
    refused, count = run(tmp_path, 1000, MANY[name], name), MANY[name]
    assert sum(MANY.values()) > 2000 and 0 < refused[name] <= count


if __name__ == "__main__":
    _, into, start, number, *chosen = sys.argv
    read_mutated(Path(into), int(start), int(number), *chosen)
