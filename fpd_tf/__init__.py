"""Fast Pose Distillation in Keras: from annotated photographs to a phone.

The public names, in the order data flows; each is imported when first used, so that
`import fpd_tf` loads neither TensorFlow nor anything that changes the environment.
"""

from importlib import import_module

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

__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return sorted(__all__)
