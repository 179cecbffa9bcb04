"""The Distiller: a Keras model that trains a student under a teacher (Eq. 5)."""

from collections.abc import Callable

import keras

from fpd_tf.errors import InputError
from fpd_tf.models.stacks import as_stacks
from fpd_tf.training.losses import fpd_loss, joints_mse


class Distiller(keras.Model):
    """Trains a student on ground truth and on the teacher's last heatmaps.

    The teacher's last stack and the ground truth supervise every stack of the student
    (the paper's Fig. 1c). The teacher runs in inference mode outside the gradient tape
    and is never changed; saving and checkpointing a Distiller saves the student alone,
    and evaluating it does not run the teacher.

    `keras.distillation.Distiller` does not serve: it ignores sample weights (so joints
    without a label cannot be masked), refuses an 8-stack teacher for a 4-stack student
    and calls the teacher inside the tape.

    Args:
        teacher: trained network; may differ from the student in all but input, size of
            heatmaps and joints.
        student: network to train.
        distillation_weight: w of Eq. 5 (the paper's alpha), within [0, 1].
        distance: of the distillation term, `joints_mse` or `joints_cross_entropy`.

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
        >>> distiller.compile("adam")  # then distiller.fit(dataset, epochs=...)
    """

    def __init__(
        self,
        *,
        teacher: keras.Model,
        student: keras.Model,
        distillation_weight: float = 0.5,
        distance: Callable = joints_mse,
        name: str = "distiller",
    ):
        super().__init__(name=name)
        if not 0 <= distillation_weight <= 1:
            expected = "a weight within [0, 1]"
            raise InputError("distillation_weight", "", expected, distillation_weight)
        _check_fit(teacher, student)
        self.teacher = teacher
        self.student = student
        self.distillation_weight = distillation_weight
        self.distance = distance
        self._trackers = {
            name: keras.metrics.Mean(name=name)
            for name in ("loss", "student_loss", "distillation_loss")
        }

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
        if not training:
            return self._student_loss(y, y_pred, sample_weight)
        if soft_heatmaps is None:
            soft_heatmaps = self.soft_heatmaps(x)
        losses = fpd_loss(
            as_stacks(y_pred),
            y,
            1.0 if sample_weight is None else sample_weight,
            soft_heatmaps,
            self.distillation_weight,
            self.distance,
        )
        for tracker, value in zip(self._trackers.values(), losses, strict=True):
            tracker.update_state(value)
        return losses[0]

    if keras.backend.backend() == "tensorflow":

        def train_step(self, data):
            import tensorflow as tf

            images, heatmaps, joint_weights = keras.utils.unpack_x_y_sample_weight(data)
            soft_heatmaps = self.soft_heatmaps(images)
            with tf.GradientTape() as tape:
                stacks = self.student(images, training=True)
                loss = self.compute_loss(
                    images, heatmaps, stacks, joint_weights, soft_heatmaps=soft_heatmaps
                )
                scaled_loss = self.optimizer.scale_loss(loss)
            weights = self.student.trainable_weights
            self.optimizer.apply(tape.gradient(scaled_loss, weights), weights)
            return {name: tracker.result() for name, tracker in self._trackers.items()}

        def test_step(self, data):
            images, heatmaps, joint_weights = keras.utils.unpack_x_y_sample_weight(data)
            stacks = self.student(images, training=False)
            loss = self.compute_loss(
                images, heatmaps, stacks, joint_weights, training=False
            )
            self._trackers["loss"].update_state(loss)
            return {"loss": self._trackers["loss"].result()}

    @property
    def metrics(self):
        return list(self._trackers.values())

    @property
    def trainable_variables(self):
        return self.student.trainable_variables

    @property
    def non_trainable_variables(self):
        return self.student.non_trainable_variables + self.teacher.variables

    def save(self, filepath, **kwargs):
        """Saves the student; the teacher is thrown away."""
        self.student.save(filepath, **kwargs)

    def save_weights(self, filepath, **kwargs):
        """Saves the student's weights."""
        self.student.save_weights(filepath, **kwargs)

    def load_weights(self, filepath, **kwargs):
        """Loads weights into the student."""
        self.student.load_weights(filepath, **kwargs)

    def _student_loss(self, heatmaps, stacks, joint_weights):
        if joint_weights is None:
            joint_weights = 1.0
        return sum(
            keras.ops.mean(joint_weights * joints_mse(heatmaps, stack))
            for stack in as_stacks(stacks)
        )


def _check_fit(teacher, student):
    for field, of_teacher, of_student in (
        ("images", teacher.inputs[0], student.inputs[0]),
        ("heatmaps", teacher.outputs[-1], student.outputs[-1]),
    ):
        if of_teacher.shape[1:] != of_student.shape[1:]:
            expected = f"the student's {of_student.shape[1:]}"
            raise InputError("teacher", field, expected, of_teacher.shape[1:])
