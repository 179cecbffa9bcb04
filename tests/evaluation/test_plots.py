import cv2
import numpy as np

from fpd_tf.evaluation.plots import plot_history, plot_ranges, plot_variants

FIRST_COLOUR, SECOND_COLOUR = (180, 119, 31), (14, 127, 255)


def right_half_has_a_line(picture):
    pixels = cv2.imread(str(picture))
    return (pixels[:, pixels.shape[1] // 2 :] == FIRST_COLOUR).all(axis=-1).any()


def test_scores_of_some_epochs_only_are_drawn(tmp_path):
    rows = [
        {"epoch": "1", "loss": "30", "val_mean": ""},
        {"epoch": "2", "loss": "3", "val_mean": "40"},
    ]
    assert right_half_has_a_line(plot_history(rows, tmp_path / "scored.png"))
    losses = [{"epoch": row["epoch"], "loss": row["loss"]} for row in rows]
    assert not right_half_has_a_line(plot_history(losses, tmp_path / "b.png"))


def heights_of(picture, colour):
    """Rows in the picture where a colour stands."""
    return np.flatnonzero((cv2.imread(str(picture)) == colour).all(axis=-1).any(axis=1))


def test_ranges_are_drawn_on_a_logarithmic_axis(tmp_path):
    peaks = {"median": [1, 10, 100], "largest": [1, 10, 10_000]}
    picture = plot_ranges(peaks, tmp_path / "ranges.png")
    usual, largest = (
        heights_of(picture, FIRST_COLOUR),
        heights_of(picture, SECOND_COLOUR),
    )
    assert largest.min() < usual.min()
    spread = [np.ptp(rows) for rows in (usual, largest)]
    assert 1.5 < spread[1] / spread[0] < 2.5


def test_the_better_variant_stands_higher(tmp_path):
    variants = {"none": (40.0, 30.0, 13.0), "int8": (45.0, 9.0, 4.0)}
    picture = plot_variants(variants, "PCK@0.2", tmp_path / "variants.png")
    lower, higher = (
        heights_of(picture, FIRST_COLOUR),
        heights_of(picture, SECOND_COLOUR),
    )
    assert higher.min() < lower.min()
