import cv2

from fpd_tf.evaluation.plots import plot_history

FIRST_COLOUR = (180, 119, 31)


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
