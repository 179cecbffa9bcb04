"""Finding the box of a person in a photograph."""

from collections.abc import Callable
from pathlib import Path

from fpd_tf.geometry import Box
from fpd_tf.inference.estimator import PoseEstimator


def box_finder(model) -> Callable[[Path], Box | None]:
    """A function that finds the most confident person of a photograph.

    Args:
        model: a network, a .keras or .tflite file, or what `load_predictor` gave.

    Returns:
        From a photograph's path to the square around the confident joints, 1.3 times as
        wide and at least 60 px, or None if no person is found: fewer than two such
        joints, or a mean score below the contract's `score.presence`.

    Raises:
        InputError: the file is missing or no pose network.

    Example:
        >>> from PIL import Image
        >>> import fpd_tf as fpd
        >>> from fpd_tf.inference.boxes import box_finder
        >>> Image.new("RGB", (64, 64)).save("black.png")
        >>> box_finder(fpd.build_model("tiny", input_size=64))("black.png") is None
        True
    """
    estimator = PoseEstimator(model)
    score = estimator.rules.score

    def find(photograph):
        pose = estimator.predict(photograph)
        sure = pose.scores >= score.threshold
        if sure.sum() < 2 or not score.present(pose.scores):
            return None
        return Box.of_joints(pose.joints[sure])

    return find
