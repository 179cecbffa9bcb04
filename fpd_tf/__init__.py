"""Fast Pose Distillation in Keras: train small pose networks, run them on phones.

The public names, in the order data flows; each is imported when first used, so that
`import fpd_tf` loads neither TensorFlow nor anything that changes the environment.
"""

from importlib import import_module
from typing import TYPE_CHECKING

_HOMES = {
    "Sample": "data.people",
    "People": "data.people",
    "Box": "geometry",
    "JointSet": "joints",
    "MPII": "joints",
    "LSP": "joints",
    "COCO": "joints",
    "load_people": "data.load",
    "load_mpii": "data.mpii",
    "load_lsp": "data.lsp",
    "load_coco": "data.coco",
    "synthesize": "drawn.layouts",
    "DataConfig": "data.pipeline",
    "make_dataset": "data.pipeline",
    "encode_heatmaps": "codec",
    "decode_heatmaps": "codec",
    "stacked_hourglass": "models.hourglass",
    "PRESETS": "models.presets",
    "build_model": "models.presets",
    "model_cost": "models.cost",
    "joints_mse": "training.losses",
    "Distiller": "training.distiller",
    "TrainConfig": "training.recipes",
    "train": "training.run",
    "distill": "training.run",
    "pckh": "evaluation.metrics",
    "pck": "evaluation.metrics",
    "evaluate": "evaluation.evaluate",
    "export_tflite": "export.convert",
    "PoseEstimator": "inference.estimator",
    "draw_pose": "inference.draw",
}

_BACKENDS = "jax", "torch", "openvino"

__all__ = list(_HOMES)


if TYPE_CHECKING:  # for type checkers and editors, which see no __getattr__
    from fpd_tf.codec import decode_heatmaps as decode_heatmaps
    from fpd_tf.codec import encode_heatmaps as encode_heatmaps
    from fpd_tf.data.coco import load_coco as load_coco
    from fpd_tf.data.load import load_people as load_people
    from fpd_tf.data.lsp import load_lsp as load_lsp
    from fpd_tf.data.mpii import load_mpii as load_mpii
    from fpd_tf.data.people import People as People
    from fpd_tf.data.people import Sample as Sample
    from fpd_tf.data.pipeline import DataConfig as DataConfig
    from fpd_tf.data.pipeline import make_dataset as make_dataset
    from fpd_tf.drawn.layouts import synthesize as synthesize
    from fpd_tf.evaluation.evaluate import evaluate as evaluate
    from fpd_tf.evaluation.metrics import pck as pck
    from fpd_tf.evaluation.metrics import pckh as pckh
    from fpd_tf.export.convert import export_tflite as export_tflite
    from fpd_tf.geometry import Box as Box
    from fpd_tf.inference.draw import draw_pose as draw_pose
    from fpd_tf.inference.estimator import PoseEstimator as PoseEstimator
    from fpd_tf.joints import COCO as COCO
    from fpd_tf.joints import LSP as LSP
    from fpd_tf.joints import MPII as MPII
    from fpd_tf.joints import JointSet as JointSet
    from fpd_tf.models.cost import model_cost as model_cost
    from fpd_tf.models.hourglass import stacked_hourglass as stacked_hourglass
    from fpd_tf.models.presets import PRESETS as PRESETS
    from fpd_tf.models.presets import build_model as build_model
    from fpd_tf.training.distiller import Distiller as Distiller
    from fpd_tf.training.losses import joints_mse as joints_mse
    from fpd_tf.training.recipes import TrainConfig as TrainConfig
    from fpd_tf.training.run import distill as distill
    from fpd_tf.training.run import train as train
else:

    def __getattr__(name: str):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(_home(_HOMES[name]), name)

    def _home(module):
        try:
            return import_module(f"{__name__}.{module}")
        except ModuleNotFoundError as error:
            backend = (error.name or "").partition(".")[0]
            if backend not in _BACKENDS:
                raise
            sentence = (
                f"is {backend}, which is not installed: set KERAS_BACKEND=tensorflow"
            )
            refusal = import_module(f"{__name__}.errors").InputError
            raise refusal.plain("Keras", "backend", sentence) from None


def __dir__():
    return sorted(__all__)
