"""How many images does a second of one core prepare for training, and is it enough?

The pipeline of `fpd train`, from photographs and from packed people, against the usual
loader of OpenCV and NumPy (yardstick_loader.py), at 256 px with scale, rotation,
mirroring and colour. Every contestant goes once through the same people in each round,
all on one and the same core (two that share their parts would each seem slower); what
counts is the processor's time. MPII's photographs are the sample's, enlarged to
1280 x 720 where they are smaller, as JPEG of quality 95.

    python -m benchmarks.input_pipeline lspet --mpii mpii-sample --out input.json
"""

import os
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import cv2
import numpy as np
import typer

import fpd_tf as fpd
from benchmarks.measure import compare, publish
from benchmarks.yardstick_loader import load_batches
from fpd_tf.data.packed import load_packed, pack
from fpd_tf.geometry import Box

QUESTION = "How many images does a second of one core prepare for training?"
WIDTH, HEIGHT, QUALITY = 1280, 720, 95
YARDSTICK, PHOTOGRAPHS, PACKED = "OpenCV and NumPy", "fpd_tf", "fpd_tf, packed"
FEEDS = 1000
CONFIG = fpd.DataConfig(batch_size=16, color=0.2)


def main(
    root: Annotated[Path, typer.Argument(help="Folder of LSP-extended.")],
    mpii: Annotated[Path, typer.Option(help="Folder of MPII people.")],
    short: Annotated[bool, typer.Option(help="Half a minute, and rougher.")] = False,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
):
    """Measures in turn, prints tables and writes JSON."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    rounds = 2 if short else 5
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        people = {
            "LSP-extended": fpd.load_lsp(root, "train")[: 1600 if short else 3200],
            "MPII-sized": _enlarged(fpd.load_mpii(mpii, "val"), folder),
        }
        counts = {"LSP-extended": 1600 if short else 3200, "MPII-sized": 400}
        counts["MPII-sized"] *= 1 if short else 2
        comparisons, megabytes = [], {}
        for name, samples in people.items():
            packed = load_packed(pack(samples, folder / "packed" / name).parent, name)
            times = counts[name] // len(samples)
            many, many_packed = (
                each.of(each.samples * times) for each in (samples, packed)
            )
            sources = {
                YARDSTICK: partial(load_batches, many, CONFIG),
                PHOTOGRAPHS: _dataset(many),
                PACKED: _dataset(many_packed),
            }
            runs = {who: partial(_rate, source) for who, source in sources.items()}
            how = {"yardstick": YARDSTICK, "unit": "images/s", "rounds": rounds}
            comparisons.append(compare(f"{name}, of one core's time", runs, **how))
            megabytes[name] = [_megabytes(each) for each in (samples, packed)]
    cores = {
        each.title: {
            who: round(FEEDS / median(rates), 1) for who, rates in each.values.items()
        }
        for each in comparisons
    }
    facts = {
        f"cores for {FEEDS:,} images/s": cores,
        "MB a person, photographs and packed": megabytes,
    }
    publish(QUESTION, comparisons, out, **facts)


def _megabytes(samples):
    """On disk, for each person."""
    files = {sample.image_path for sample in samples}
    return round(sum(file.stat().st_size for file in files) / len(samples) / 1e6, 3)


def _dataset(samples):
    dataset = fpd.make_dataset(samples, CONFIG, training=True)
    return lambda: dataset


def _rate(batches):
    """Images a second of the processor's time."""
    start = time.process_time()
    count = sum(len(images) for images, *_ in batches())
    return count / (time.process_time() - start)


def _enlarged(people, folder):
    """The people, in photographs of 1280 x 720."""
    large = []
    for person in people:
        photo = cv2.imread(str(person.image_path))
        factor = HEIGHT / photo.shape[0]
        path = folder / person.image_path.name
        photo = cv2.resize(photo, (WIDTH, HEIGHT))
        cv2.imwrite(str(path), photo, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        box = Box(*(factor * np.array([person.box.x, person.box.y, person.box.side])))
        joints = person.joints * factor
        large.append(replace(person, image_path=path, joints=joints, box=box))
    return people.of(large)


if __name__ == "__main__":
    typer.run(main)
