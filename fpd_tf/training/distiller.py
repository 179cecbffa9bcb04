"""The Distiller: a Keras model that trains a student under a teacher (Eq. 5)."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import keras

from fpd_tf.errors import InputError
from fpd_tf.models.stacks import as_stacks
from fpd_tf.training.losses import fpd_loss, joints_mse, stacks_mse

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
OF_DISTILLING = ("student_loss", "distillation_loss")


class Distiller(keras.Model):
    """Trains a student on ground truth and on the teacher's last heatmaps.

    The teacher's last stack and the ground truth supervise every stack of the student
    (the paper's Fig. 1c). The teacher runs in inference mode outside the gradient tape
    and is never changed; saving and checkpointing a Distiller saves the student alone,
    and evaluating it does not run the teacher.

    `keras.distillation.Distiller` does not serve: it ignores sample weights (so joints
    without a label cannot be masked), refuses an 8-stack teacher for a 4-stack student
    and calls the teacher inside the tape.

    Under a `tf.distribute` strategy build teacher, student and optimizer in its scope,
    the student with synchronised BatchNorm (`with_precision`), and the Distiller
    outside it; `fit` then trains as one device would on the whole batch.

    Args:
        teacher: trained network; may differ from the student in all but input, size of
            heatmaps and joints. None trains on the ground truth alone.
        student: network to train.
        distillation_weight: w of Eq. 5 (the paper's alpha), within [0, 1].
        distance: of the distillation term, `joints_mse` or `joints_cross_entropy`.
        teach_unlabelled: whether the teacher supervises joints without a label, as the
            paper claims; the reference repository masks them.

    Raises:
        InputError: weight out of range, or teacher and student do not fit.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.hourglass import stacked_hourglass
        >>> size = dict(num_features=8, input_size=64)
        >>> distiller = fpd.Distiller(
        ...     teacher=stacked_hourglass(num_stacks=2, **size),
        ...     student=stacked_hourglass(num_stacks=1, **size),
        ... )
        >>> distiller.compile("adam")
        >>> # distiller.fit(dataset, epochs=...)
    """

    def __init__(
        self,
        *,
        teacher: keras.Model | None = None,
        student: keras.Model,
        distillation_weight: float = 0.5,
        distance: Callable = joints_mse,
        teach_unlabelled: bool = True,
        name: str = "distiller",
    ):
        super().__init__(name=name)
        if not 0 <= distillation_weight <= 1:
            expected = "a weight within [0, 1]"
            raise InputError("distillation_weight", "", expected, distillation_weight)
        if teacher:
            check_teacher(teacher, student)
        self.built = True
        self.teacher = teacher
        self.student = student
        self.distillation_weight = distillation_weight
        self.distance = distance
        self.teach_unlabelled = teach_unlabelled
        names = ("loss", *OF_DISTILLING) if teacher else ("loss",)
        with self.distribute_strategy.scope() if ON_TENSORFLOW else nullcontext():
            self._trackers = {name: keras.metrics.Mean(name=name) for name in names}

    def call(self, images, training=None):
        return self.student(images, training=training)

    def soft_heatmaps(self, images):
        """The teacher's answer, (B, H, W, K), without gradient."""
        last = as_stacks(self.teacher(images, training=False))[-1]
        return keras.ops.stop_gradient(last)

    def compute_loss(
        self,
        x=None,
        y=None,
        y_pred=None,
        sample_weight=None,
        training=True,
        soft_heatmaps=None,
    ):
        stacks = as_stacks(y_pred)
        joint_weights = 1.0 if sample_weight is None else sample_weight
        if training and self.teacher:
            if soft_heatmaps is None:
                soft_heatmaps = self.soft_heatmaps(x)
            losses = fpd_loss(
                stacks,
                y,
                joint_weights,
                soft_heatmaps,
                self.distillation_weight,
                self.distance,
                self.teach_unlabelled,
            )
        else:
            losses = [stacks_mse(stacks, y, joint_weights)]
        for tracker, value in zip(self._trackers.values(), losses, strict=False):
            tracker.update_state(value, sample_weight=keras.ops.shape(y)[0])
        return losses[0]

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, as_stacks(y_pred)[-1], sample_weight)

    if ON_TENSORFLOW:

        @property
        def distribute_strategy(self):
            """The student's, so that the Distiller itself needs no scope."""
            return self.student.distribute_strategy

        def train_step(self, data):
            import tensorflow as tf

            images, heatmaps, joint_weights = keras.utils.unpack_x_y_sample_weight(data)
            soft_heatmaps = self.soft_heatmaps(images) if self.teacher else None
            with tf.GradientTape() as tape:
                stacks = self.student(images, training=True)
                loss = self.compute_loss(
                    images, heatmaps, stacks, joint_weights, soft_heatmaps=soft_heatmaps
                )
                replicas = tf.distribute.get_strategy().num_replicas_in_sync
                scaled_loss = self.optimizer.scale_loss(loss) / replicas
            weights = self.student.trainable_weights
            gradients = tape.gradient(scaled_loss, weights)
            self.optimizer.apply(_clipped_as_one(gradients, self.optimizer), weights)
            logs = self.compute_metrics(images, heatmaps, stacks, joint_weights)
            return _reducible(logs)

        def test_step(self, data):
            logs = super().test_step(data)
            return {name: logs[name] for name in logs if name not in OF_DISTILLING}

    @property
    def metrics(self):
        compiled = [m for m in super().metrics if m.name not in self._trackers]
        return [*self._trackers.values(), *compiled]

    @property
    def trainable_variables(self):
        return self.student.trainable_variables

    @property
    def trainable_weights(self):
        return self.student.trainable_weights

    @property
    def non_trainable_variables(self):
        of_teacher = self.teacher.variables if self.teacher else []
        return self.student.non_trainable_variables + of_teacher

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves the student; the teacher is thrown away."""
        self.student.save(filepath, overwrite, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Saves the student's weights."""
        self.student.save_weights(filepath, overwrite, **kwargs)

    def load_weights(self, filepath, **kwargs):
        """Loads weights into the student."""
        self.student.load_weights(filepath, **kwargs)


def check_teacher(
    teacher: keras.Model, student: keras.Model, source: str | Path = "teacher"
) -> None:
    """Refuses a teacher that does not suit the student.

    Raises:
        InputError: they take other images or give other heatmaps, said of `source`.
    """
    for field, of_teacher, of_student in (
        ("images", teacher.inputs[0], student.inputs[0]),
        ("heatmaps", teacher.outputs[-1], student.outputs[-1]),
    ):
        if of_teacher.shape[1:] != of_student.shape[1:]:
            expected = f"the student's {of_student.shape[1:]}"
            raise InputError(source, field, expected, of_teacher.shape[1:])


def _clipped_as_one(gradients, optimizer):
    """Each replica's part of the clipped sum, where the optimizer clips.

    The optimizer would clip each replica's gradients and sum what is left.
    """
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    clips = optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm
    if replica.num_replicas_in_sync == 1 or not any(clips):
        return gradients
    summed = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    clipped = optimizer._clip_gradients(summed)
    return [gradient / replica.num_replicas_in_sync for gradient in clipped]


def _reducible(logs):
    """Logs with an axis where several machines train: Keras averages along it."""
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1 or replicas == len(strategy.extended.worker_devices):
        return logs
    return {name: value[None] for name, value in logs.items()}
