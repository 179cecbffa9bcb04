"""Settings of a training run, and named recipes.

The paper states RMSProp at 2.5e-4, batches of 4 and 130 epochs on MPII, 70 on LSP, and
no decay, momentum or colour change. The reference repository trains with Adam instead,
drops the rate at epochs 90 and 120 of 140, and starts the distilled student from an
already trained one (`start_from`). `finetune` is for some hundred photographs of one's
own, from the shipped student, in minutes on two cores.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import keras
from pydantic import AfterValidator, Field, model_validator

from fpd_tf.data.pipeline import DataConfig, Positive
from fpd_tf.data.repair import LabelConfig
from fpd_tf.errors import InputError
from fpd_tf.settings import validated, with_settings


def _ascending(epochs):
    if list(epochs) != sorted({*epochs}) or min(epochs, default=1) < 1:
        raise ValueError("epochs from 1 on, each once, in ascending order")
    return epochs


@validated
class TrainConfig:
    """All settings of a run; the defaults are the paper's for MPII.

    Args:
        preset: name of the network to train (`fpd models` lists them).
        model: arguments of the preset's network to replace, such as {"depth": 3}.
        epochs: passes over the training samples.
        optimizer: rmsprop (the paper), adam (the reference repository) or adamw.
        learning_rate: at the start.
        schedule: constant, or cosine down to zero at the last step.
        warmup_epochs: in which the rate rises from zero, before a cosine; for
            pretrained networks.
        drop_epochs: epochs after which a constant rate is divided by 10.
        weight_decay: of adamw, on convolution kernels only.
        ema: share of the old value in the running average of the weights that is
            scored and saved; 0 saves the weights themselves.
        precision: dtype policy of the training step; what is saved is float32.
        distillation_weight: w of Eq. 5 (the paper's alpha).
        student_distance: mse (Eq. 3), or binary_cross_entropy for networks whose
            heatmaps come out of a sigmoid, as MoveNet's do.
        distillation_distance: mse (Eq. 4), cross_entropy (Table 7), or
            binary_cross_entropy.
        teach_unlabelled: have the teacher supervise joints without a label too; the
            reference repository masks them.
        teacher_cache: run the teacher once over every photograph, before training,
            rather than in each step.
        start_from: initial weights: a trained .keras file, or the name of a shipped
            network; layers and joints are matched by name.
        score_every: epochs between scores on the validation people.
        keep_best: save the student of the epoch with the best mean score, not the last.
        patience: end the run after that many epochs without a better mean score.
        data: sizes, augmentation, batch size and seed.
        labels: whether a teacher repairs labels first.

    Raises:
        InputError: an unknown field, a value out of range, or a setting without effect.
    """

    preset: str = "hourglass_4x128"
    model: dict[str, Any] = Field(default_factory=dict)
    epochs: Annotated[int, Field(gt=0)] = 130
    optimizer: Literal["rmsprop", "adam", "adamw"] = "rmsprop"
    learning_rate: Positive = 2.5e-4
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    drop_epochs: Annotated[tuple[int, ...], AfterValidator(_ascending)] = ()
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    distillation_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    student_distance: Literal["mse", "binary_cross_entropy"] = "mse"
    distillation_distance: Literal["mse", "cross_entropy", "binary_cross_entropy"] = (
        "mse"
    )
    teach_unlabelled: bool = True
    teacher_cache: bool = False
    start_from: Path | None = None
    score_every: Annotated[int, Field(gt=0)] = 1
    keep_best: bool = False
    patience: Annotated[int, Field(gt=0)] | None = None
    data: DataConfig = Field(default_factory=DataConfig)
    labels: LabelConfig = Field(default_factory=LabelConfig)

    @model_validator(mode="after")
    def _no_setting_without_effect(self):
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError("optimizer=adamw where there is weight_decay")
        if self.drop_epochs and self.schedule != "constant":
            raise ValueError("schedule=constant where there are drop_epochs")
        if max(self.drop_epochs, default=0) >= self.epochs:
            raise ValueError(
                f"drop_epochs below epochs={self.epochs}, "
                f"not drop_epochs={list(self.drop_epochs)}"
            )
        if self.warmup_epochs and self.schedule != "cosine":
            raise ValueError("schedule=cosine where there are warmup_epochs")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs below epochs={self.epochs}, "
                f"not warmup_epochs={self.warmup_epochs:g}"
            )
        return self


RECIPES = MappingProxyType(
    {
        "paper_mpii": TrainConfig(),
        "paper_lsp": TrainConfig(epochs=70),
        "reference": TrainConfig(optimizer="adam", epochs=140, drop_epochs=(90, 120)),
        "light": TrainConfig(
            preset="hourglass_2x64",
            epochs=24,
            optimizer="adamw",
            learning_rate=4e-3,
            schedule="cosine",
            weight_decay=1e-3,
            precision="mixed_bfloat16",
            data=DataConfig(input_size=128, sigma=1.25, batch_size=16, color=0.3),
        ),
        "finetune": TrainConfig(
            preset="movenet_lightning",
            start_from=Path("pose-small"),
            epochs=24,
            optimizer="adamw",
            learning_rate=1e-4,
            schedule="cosine",
            warmup_epochs=2,
            weight_decay=1e-2,
            student_distance="binary_cross_entropy",
            distillation_distance="binary_cross_entropy",
            score_every=4,
            data=DataConfig(input_size=192, sigma=1.5, batch_size=16, color=0.3),
        ),
        "demo": TrainConfig(
            preset="hourglass_2x64",
            model={"num_features": 48, "stem_width": 24, "depth": 3},
            epochs=9,
            optimizer="adamw",
            learning_rate=4e-3,
            schedule="cosine",
            weight_decay=1e-3,
            score_every=2,
            data=DataConfig(input_size=64, sigma=1.0, batch_size=16),
        ),
    }
)


def make_optimizer(config: TrainConfig, steps_per_epoch: int):
    """The optimizer of a recipe, with its schedule in steps.

    Keras adds RMSProp's epsilon inside the root: 1e-16 there equals Torch's 1e-8
    outside; rho is Torch's 0.99. Keras's defaults, 1e-7 and 0.9, stall on small
    gradients.
    """
    rate = _learning_rate(config, steps_per_epoch)
    average = {"use_ema": True, "ema_momentum": config.ema} if config.ema else {}
    if config.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, rho=0.99, epsilon=1e-16, **average)
    if config.optimizer == "adam":
        return keras.optimizers.Adam(rate, **average)
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=config.weight_decay, **average
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _learning_rate(config, steps_per_epoch):
    if config.schedule == "cosine":
        return _cosine(config, steps_per_epoch)
    if not config.drop_epochs:
        return config.learning_rate
    last_steps = [epoch * steps_per_epoch - 1 for epoch in config.drop_epochs]
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        last_steps,
        [
            config.learning_rate / 10**drop
            for drop in range(len(config.drop_epochs) + 1)
        ],
    )


def _cosine(config, steps_per_epoch):
    steps = config.epochs * steps_per_epoch
    cosine = keras.optimizers.schedules.CosineDecay
    warmup = round(config.warmup_epochs * steps_per_epoch)
    if not warmup:
        return cosine(config.learning_rate, steps)
    rise = {"warmup_target": config.learning_rate, "warmup_steps": warmup}
    return cosine(0.0, steps - warmup, **rise)


def configure(recipe: str, settings: Sequence[str] = ()) -> TrainConfig:
    """A named recipe with some of its fields changed.

    Args:
        recipe: a name in `RECIPES`.
        settings: "field=value" each; "data.sigma=1.5" for the data settings.

    Raises:
        InputError: no such recipe or field, or a value of the wrong kind.

    Example:
        >>> from fpd_tf.training.recipes import configure
        >>> configure("light", ["epochs=2", "data.sigma=1.5"]).data.sigma
        1.5
    """
    if recipe not in RECIPES:
        raise InputError("recipe", "", f"one of {', '.join(RECIPES)}", recipe)
    return with_settings(RECIPES[recipe], settings, "the recipe")
