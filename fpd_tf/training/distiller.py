"""The Distiller: a Keras model that trains a student, with or without a teacher.

B batch, S input size, H x W heatmap, K joints.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from numbers import Real
from pathlib import Path

import keras
from keras import ops

from fpd_tf.errors import InputError
from fpd_tf.models.keras_file import joint_set_of_network
from fpd_tf.models.stacks import as_stacks
from fpd_tf.training.losses import fpd_loss, joints_mse, stacks_loss

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
STUDENT_LOSS, DISTILLATION_LOSS = "student_loss", "distillation_loss"
_CONFIG = (
    "teacher",
    "student",
    "distillation_weight",
    "distance",
    "teach_unlabelled",
    "student_distance",
)


class Distiller(keras.Model):
    """Trains a student on ground truth and on the teacher's last heatmaps.

    The teacher's last stack and the ground truth supervise every stack of the student
    (the paper's Fig. 1c). `fit` takes batches of `(images, heatmaps, joint_weights)`,
    (B, S, S, 3) RGB in [0, 1], (B, H, W, K) and (B, K). The teacher's heatmaps come
    from `teacher`, which runs in inference mode outside the gradient tape and is not
    changed; or from a fourth element of the batch, `(teacher_heatmaps,
    teacher_weights)`, (B, H, W, K) and (B, K) (on TensorFlow, from tf.data or a
    generator), which takes precedence. With neither, the student is trained on the
    ground truth only, as if the distillation weight were 0.

    Logged are `loss` (with the student's regularisers), `student_loss` and, with a
    teacher, `distillation_loss`; evaluating gives the `loss` against the ground truth
    and does not run the teacher. Saving a Distiller saves the student only; its weights
    file includes the optimizer's state, so that `BackupAndRestore` can resume.

    `keras.distillation.Distiller` cannot be used: it ignores sample weights (so joints
    without a label cannot be masked), does not accept an 8-stack teacher for a 4-stack
    student, and calls the teacher inside the tape.

    Under a `tf.distribute` strategy build teacher, student and optimizer in its scope,
    the student with synchronised BatchNorm (`with_precision`), and the Distiller
    outside it; `fit` then trains as one device would on the whole batch.

    As in Keras, heatmaps and weights may be of any type; they count as float32.

    Args:
        teacher: trained network; may differ from the student in all but input, size of
            heatmaps and joints. None if the batches have its heatmaps, or without one.
        student: network to train, from one image to heatmaps only.
        distillation_weight: w of Eq. 5 (the paper's alpha), within [0, 1]. A callback
            may change it during training.
        distance: of the distillation term: `joints_mse`, `joints_cross_entropy`,
            `joints_binary_cross_entropy`, or a function of your own of two
            (B, H, W, K) heatmaps, target and prediction, to (B, K).
        teach_unlabelled: whether the teacher supervises joints without a label, as in
            the paper; the reference repository masks them.
        student_distance: of the ground truth's term, another such function.
        name: of the model.

    Raises:
        InputError: weight out of range, a distance that is no function, a network of
            another kind, or teacher and student do not fit. In `fit`: a batch, or
            distances, of other shapes, or a loss given to `compile`.

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
        student_distance: Callable = joints_mse,
        name: str = "distiller",
    ):
        super().__init__(name=name)
        check_student(student)
        if teacher is not None:
            check_teacher(teacher, student)
        _check_distance("distance", distance)
        _check_distance("student_distance", student_distance)
        self.built = True
        self.teacher, self.student = teacher, student
        self.distance, self.student_distance = distance, student_distance
        self.teach_unlabelled = teach_unlabelled
        names = "loss", STUDENT_LOSS, DISTILLATION_LOSS
        with self.distribute_strategy.scope() if ON_TENSORFLOW else nullcontext():
            self._weight = keras.Variable(0.0, trainable=False, dtype="float32")
            self._trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.distillation_weight = distillation_weight

    @property
    def distillation_weight(self) -> float:
        """w of Eq. 5, which can be set."""
        return float(ops.convert_to_numpy(self._weight))

    @distillation_weight.setter
    def distillation_weight(self, weight: float):
        if not (isinstance(weight, Real) and 0 <= weight <= 1):
            expected = "a weight within [0, 1]"
            raise InputError("distillation_weight", "", expected, weight)
        self._weight.assign(weight)

    def call(self, images, training=None):
        return self.student(images, training=training)

    def teacher_heatmaps(self, images):
        """The teacher's heatmaps, (B, H, W, K), without gradient."""
        last = as_stacks(self.teacher(images, training=False))[-1]
        return ops.stop_gradient(last)

    def compute_loss(
        self,
        x=None,
        y=None,
        y_pred=None,
        sample_weight=None,
        training=True,
        teaching=None,
    ):
        """The loss of a batch, Eq. 5 with a teacher.

        Args:
            x: (B, S, S, 3) images, for `teacher`.
            y: (B, H, W, K) ground truth.
            y_pred: the student's heatmaps, of one stack or of several.
            sample_weight: (B, K) joint weights, 1 where there are none.
            training: whether the distillation loss counts.
            teaching: (teacher_heatmaps, teacher_weights), if the batch has them.
        """
        if getattr(self, "loss", None) is not None:
            sentence = (
                "the Distiller has its own loss: give it distance= and "
                "student_distance=, or override compute_loss"
            )
            raise InputError.plain("compile", "loss", sentence)
        stacks = as_stacks(y_pred)
        if sample_weight is None and hasattr(y, "shape") and len(y.shape) == 4:
            sample_weight = ops.ones_like(y[:, 0, 0, :], "float32")
        _check_maps("batch", y, sample_weight, stacks[-1])
        if training and teaching is None and self.teacher:
            teaching = self.teacher_heatmaps(x), ops.ones_like(sample_weight)
        if training and teaching is not None:
            _check_maps("teacher's part of the batch", *teaching, stacks[-1])
            losses = fpd_loss(
                stacks,
                y,
                sample_weight,
                teaching[0],
                self._weight,
                self.distance,
                self.teach_unlabelled,
                teaching[1],
                self.student_distance,
            )
        else:
            losses = [stacks_loss(stacks, y, sample_weight, self.student_distance)] * 2
        loss = losses[0] + sum(self.losses)
        for tracker, value in zip(
            self._trackers.values(), (loss, *losses[1:]), strict=False
        ):
            tracker.update_state(value, sample_weight=ops.shape(y)[0])
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, as_stacks(y_pred)[-1], sample_weight)

    if ON_TENSORFLOW:

        @property
        def distribute_strategy(self):
            """The student's, so that the Distiller itself needs no scope."""
            return self.student.distribute_strategy

        def train_step(self, data):
            import tensorflow as tf

            from fpd_tf.training.devices import clipped_as_one, reducible

            images, heatmaps, joint_weights, teaching = _parts(data)
            if teaching is None and self.teacher:
                answer = self.teacher_heatmaps(images)
                teaching = answer, ops.ones_like(answer[:, 0, 0, :])
            with tf.GradientTape() as tape:
                stacks = self(images, training=True)
                loss = self.compute_loss(
                    images, heatmaps, stacks, joint_weights, teaching=teaching
                )
                replicas = tf.distribute.get_strategy().num_replicas_in_sync
                scaled_loss = self.optimizer.scale_loss(loss) / replicas
            weights = self.trainable_weights
            gradients = tape.gradient(scaled_loss, weights)
            self.optimizer.apply(clipped_as_one(gradients, self.optimizer), weights)
            logs = self.compute_metrics(images, heatmaps, stacks, joint_weights)
            return reducible(logs if teaching else _without(logs, DISTILLATION_LOSS))

        def test_step(self, data):
            logs = super().test_step(_parts(data)[:3])
            return _without(logs, STUDENT_LOSS, DISTILLATION_LOSS)

    @property
    def metrics(self):
        compiled = [m for m in super().metrics if m.name not in self._trackers]
        return [*self._trackers.values(), *compiled]

    @property
    def losses(self):
        """Losses of the student's regularisers and layers, not those of the teacher."""
        return self._losses_override or self.student.losses

    @property
    def trainable_variables(self):
        return self.student.trainable_variables

    @property
    def trainable_weights(self):
        return self.student.trainable_weights

    @property
    def non_trainable_variables(self):
        of_teacher = self.teacher.variables if self.teacher else []
        return [*self.student.non_trainable_variables, *of_teacher, self._weight]

    @property
    def inputs(self):
        return self.student.inputs

    @property
    def outputs(self):
        return self.student.outputs

    def get_config(self):
        plain = {name: getattr(self, name) for name in _CONFIG}
        return keras.saving.serialize_keras_object(plain) | {"name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        read = keras.saving.deserialize_keras_object
        return cls(**read(config, custom_objects=custom_objects))

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves the student, without the teacher."""
        self.student.save(filepath, overwrite, **kwargs)

    def export(self, filepath, *args, **kwargs):
        """Exports the student."""
        return self.student.export(filepath, *args, **kwargs)

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Saves the student's weights, and as Keras does the optimizer's beside."""
        with self._optimizer_lent():
            self.student.save_weights(filepath, overwrite, **kwargs)

    def load_weights(self, filepath, **kwargs):
        """Loads weights into the student, and into the optimizer where it is built."""
        with self._optimizer_lent():
            self.student.load_weights(filepath, **kwargs)

    @contextmanager
    def _optimizer_lent(self) -> Iterator[None]:
        """The student with the Distiller's optimizer, which its weights file keeps."""
        own = getattr(self.student, "optimizer", None)
        self.student.optimizer = getattr(self, "optimizer", None)
        try:
            yield
        finally:
            self.student.optimizer = own


def check_student(student: keras.Model, source: str | Path = "student") -> None:
    """Checks that a network maps one image to heatmaps; (H, W, K) of each stack.

    Raises:
        InputError: a path, a subclassed model, a dictionary of outputs, several inputs,
            or outputs beside the heatmaps.
    """
    expected = "a Functional or Sequential Keras network"
    if not isinstance(student, keras.Model):
        received = f"{type(student).__name__}; load_network(path) opens a .keras file"
        raise InputError(source, "", expected, received)
    if not (getattr(student, "inputs", None) and getattr(student, "outputs", None)):
        received = f"{type(student).__name__}, which does not know its shapes"
        raise InputError(source, "", expected, received)
    shapes = [tuple(tensor.shape[1:]) for tensor in student.outputs]
    output = getattr(student, "output", None)
    if isinstance(output, dict):
        received = f"a dictionary of {', '.join(output)}"
        raise InputError(source, "outputs", "a tensor or a list of them", received)
    if len(student.inputs) > 1 or len(shapes[-1]) != 3 or len(set(shapes)) > 1:
        expected = "one image to heatmaps only, (H, W, K) for each stack"
        received = f"{len(student.inputs)} input(s) to {', '.join(map(str, shapes))}"
        raise InputError(source, "shapes", expected, received)


def check_teacher(
    teacher: keras.Model, student: keras.Model, source: str | Path = "teacher"
) -> None:
    """Checks that a teacher fits the student.

    Raises:
        InputError: it is no network, or has other images, heatmaps or joints, where
            both name them; names `source`.
    """
    check_student(teacher, source)
    for field, of_teacher, of_student in (
        ("images", teacher.inputs[0], student.inputs[0]),
        ("heatmaps", teacher.outputs[-1], student.outputs[-1]),
    ):
        if not _alike(of_teacher.shape, of_student.shape):
            expected = (
                f"the student's {of_student.shape[1:]} (--views turned lets a network "
                "of another size teach its joints)"
            )
            raise InputError(source, field, expected, of_teacher.shape[1:])
    named = [joint_set_of_network(each) for each in (student, teacher)]
    if all(named) and named[0].joints != named[1].joints:
        wanted, found = (", ".join(each.joints) for each in named)
        expected = f"the student's, {wanted} (--views turned matches them by name)"
        raise InputError(source, "joints", expected, found)


def _check_distance(field, distance):
    if not callable(distance):
        expected = "a function of two (B, H, W, K) heatmaps, such as joints_mse"
        raise InputError(field, "", expected, repr(distance))


def _check_maps(source, heatmaps, weights, stack):
    """Refuses what would be broadcast to the student's (B, H, W, K)."""
    size, num_joints = tuple(stack.shape), stack.shape[-1]
    for field, part, expected in (
        ("heatmaps", heatmaps, size),
        ("joint weights", weights, (size[0], num_joints)),
    ):
        shape = getattr(part, "shape", None)
        if shape is None or not _alike(shape, expected):
            received = type(part).__name__ if shape is None else tuple(shape)
            raise InputError(source, field, f"the student's {expected}", received)


def _alike(one, other):
    """Whether two shapes agree where both are known."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(
        None in pair or len({*pair}) == 1 for pair in pairs
    )


def _parts(data):
    """Images, heatmaps, joint weights and teaching; None for what a batch lacks."""
    parts = tuple(data) if isinstance(data, tuple | list) else (data,)
    if len(parts) > 4:
        expected = (
            "(images, heatmaps, joint_weights, (teacher_heatmaps, teacher_weights))"
        )
        raise InputError("batch", "", expected, f"{len(parts)} parts")
    *_, teaching = parts = (*parts, *[None] * (4 - len(parts)))
    pair = isinstance(teaching, tuple | list) and len(teaching) == 2
    if not (pair or teaching is None):
        expected = "(teacher_heatmaps, teacher_weights)"
        raise InputError("batch", "fourth part", expected, type(teaching).__name__)
    return parts


def _without(logs, *names):
    return {name: logs[name] for name in logs if name not in names}
