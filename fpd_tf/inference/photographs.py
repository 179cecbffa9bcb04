"""Joints of many photographs: files and folders in, records and drawings out."""

from collections.abc import Sequence
from pathlib import Path

import cv2

from fpd_tf.data.checks import keep_good
from fpd_tf.data.images import read_image
from fpd_tf.errors import InputError
from fpd_tf.files import written_whole
from fpd_tf.inference.draw import draw_pose
from fpd_tf.inference.estimator import PoseEstimator
from fpd_tf.progress import tracked

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def predict_files(
    paths: Sequence[str | Path],
    model,
    box: Sequence[float] | None = None,
    *,
    out: str | Path | None = None,
    threshold: float | None = None,
    on_error: str = "raise",
) -> list[dict]:
    """Finds the joints of one person in each photograph, and draws them if asked.

    Args:
        paths: photographs, or folders of photographs.
        model: a network, or a .keras or .tflite file.
        box: (x, y, width, height) pixels around the person, in each photograph; where
            None, the person is searched for.
        out: folder for drawings, NAME.png for each photograph; none where None.
        threshold: joints that score less are not drawn; the contract's where None.
        on_error: "raise" at the first bad photograph, or "skip" it and log how many.

    Returns:
        For each photograph {"path": ..., "joints": [[x, y, score], ...], "threshold":
        least score of a joint that is drawn}, in pixels.

    Raises:
        InputError: a photograph or the model cannot be read; no photograph at all; two
            drawings would have the same name.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.photographs import predict_files
        >>> root = fpd.synthesize("people", count=12, seed=0)
        >>> model = fpd.build_model("hourglass_1x256", input_size=64)
        >>> len(predict_files([root / "images"], model))
        12
    """
    photographs = [file for path in paths for file in _photographs(Path(path))]
    drawings = _drawings(photographs, out)
    estimator = PoseEstimator(model)
    if threshold is None:
        threshold = estimator.rules.score.threshold
    look = {"joint_set": estimator.joint_set, "threshold": threshold}

    def predicted(photograph):
        image = read_image(photograph)
        pose = estimator.predict(image, box)
        if out is not None:
            drawn = draw_pose(image, pose.joints, pose.scores, **look)
            with written_whole(drawings[photograph]) as aside:
                aside.write_bytes(cv2.imencode(".png", drawn[..., ::-1])[1].tobytes())
        rows = zip(pose.joints.tolist(), pose.scores.tolist(), strict=True)
        joints = [[*at, score] for at, score in rows]
        return {"path": str(photograph), "joints": joints, "threshold": threshold}

    jobs = [lambda photograph=file: predicted(photograph) for file in photographs]
    return keep_good(tracked(jobs, "predicting"), on_error)


def _photographs(path):
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(path, "", f"photographs ({', '.join(SUFFIXES)})", "none")
    return found


def _drawings(photographs, out):
    if out is None:
        return {}
    Path(out).mkdir(parents=True, exist_ok=True)
    drawings = {
        photograph: Path(out) / f"{photograph.stem}.png" for photograph in photographs
    }
    if len(set(drawings.values())) < len(drawings):
        raise InputError("--out", "", "photographs of different names", "two alike")
    return drawings
