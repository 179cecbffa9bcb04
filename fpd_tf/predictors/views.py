"""Flip test: a network averaged over a crop and its mirror image."""

from dataclasses import replace

from fpd_tf.codec import mirrored
from fpd_tf.predictors.predictor import Prediction, Predictor


def with_flip(predictor: Predictor) -> Predictor:
    """A predictor that averages each crop's heatmaps with those of its mirror image.

    Crop and heatmap share their centre (see `codec`), so nothing is shifted.

    Args:
        predictor: with heatmaps.

    Raises:
        InputError: it has no heatmaps.
    """
    predictor.check_heatmaps()
    order = predictor.joint_set.flip_order

    def run(images):
        back = mirrored(predictor.heatmaps(images[:, :, ::-1]), order)
        heatmaps = (predictor.heatmaps(images) + back) / 2
        return Prediction(*predictor.codec.decode(heatmaps), heatmaps)

    return replace(predictor, run=run)
