"""An opened .tflite: crops to raw outputs."""

from threading import Lock

import numpy as np

from fpd_tf.contract.pose_json import contract_path
from fpd_tf.contract.tflite_file import TfliteFile
from fpd_tf.errors import InputError

_USUAL = (0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)


class TfliteNetwork:
    """A .tflite from one square image of fixed size; several threads may use it.

    Args:
        file: read and checked.
        threads: of the interpreter.
        trusted: whether a pose.json has the checksum of the file.
        image_range: to which [0, 1] is scaled; if None, it is not, but an integer image
            gets the one of 0 to 1, -1 to 1 and 0 to 255 that its scale covers, without
            a scale 0 to 255.

    Attributes:
        path: of the file.
        input_size: S, pixels.
        dtype: of the image, by name.
        shapes: of the outputs, in the file's order.

    Raises:
        InputError: a bad file, several signatures, or another input.
    """

    def __init__(
        self,
        file: TfliteFile,
        threads: int = 2,
        *,
        trusted: bool = False,
        image_range: tuple[float, float] | None = None,
    ):
        self.path = file.path
        self.input_size, self.dtype = _image_of(file)
        self._interpreter = file.interpreter(threads, trusted=trusted)
        (self._image,) = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        self.shapes = [tuple(each["shape"].tolist()) for each in self._outputs]
        self._range = image_range or _usual_range(self._image)
        self._lock = Lock()

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """The outputs of (B, S, S, 3) images, one crop at a time.

        Args:
            images: in the input's own type, or float32 in [0, 1].

        Returns:
            For each output an array (B, ...), without the batch axis of the file.

        Raises:
            InputError: the scale of an integer image covers none of the usual ranges.
        """
        with self._lock:
            found = [self._run_one(pixels) for pixels in images]
        return [np.stack(each) for each in zip(*found, strict=True)]

    def _run_one(self, pixels):
        if pixels.dtype != self._image["dtype"] or pixels.dtype.kind == "f":
            low, high = self._range or self._refused()
            pixels = _quantized(low + (high - low) * pixels, self._image)
        self._interpreter.set_tensor(self._image["index"], pixels[None])
        self._interpreter.invoke()
        return [
            _dequantized(self._interpreter.get_tensor(each["index"]), each)[0]
            for each in self._outputs
        ]

    def _refused(self):
        low, high = _covered(self._image)
        sentence = (
            f"its scale covers {low:.2f} to {high:.2f}: which values are black and "
            f"white? Write image.range into {contract_path(self.path).name}"
        )
        raise InputError.plain(self.path, "image", sentence)


def _image_of(file):
    """S and the element type of the image."""
    path, signed = file.path, file.model.signatureDefs or ()
    if len(signed) > 1:
        received = ", ".join(each.signatureKey.decode() for each in signed)
        raise InputError(path, "signatures", "one", received)
    if len(file.inputs) != 1:
        raise InputError(path, "inputs", "one image", len(file.inputs))
    (image,) = file.inputs
    size = (*image.shape, 0, 0)[1]
    if size < 1 or image.shape != (1, size, size, 3):
        expected = "one square RGB image of fixed size, [1, S, S, 3]"
        raise InputError(path, "input", expected, list(image.shape))
    return size, image.dtype


def _quantized(values, tensor):
    dtype, (scale, zero_point) = tensor["dtype"], tensor["quantization"]
    if not np.issubdtype(dtype, np.integer):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    codes = np.round(values / (scale or 1)) + zero_point
    return np.clip(codes, limits.min, limits.max).astype(dtype)


def _usual_range(image):
    """The values of black and white; None where an 8-bit scale fits none of the usual.

    An integer image without a scale holds levels, int8 ones less 128.
    """
    dtype, (scale, _) = image["dtype"], image["quantization"]
    if np.issubdtype(dtype, np.integer) and not scale:
        first = -128.0 if dtype == np.int8 else 0.0
        return first, first + 255
    if dtype not in (np.int8, np.uint8):
        return _USUAL[0]
    fits = (
        usual
        for usual in _USUAL
        if np.allclose(_covered(image), usual, rtol=0, atol=(usual[1] - usual[0]) / 4)
    )
    return next(fits, None)


def _covered(image):
    """The values of the smallest and the largest code of an integer image."""
    limits, (scale, zero_point) = np.iinfo(image["dtype"]), image["quantization"]
    return scale * (limits.min - zero_point), scale * (limits.max - zero_point)


def _dequantized(codes, tensor):
    scale, zero_point = tensor["quantization"]
    return np.float32(scale) * (np.float32(codes) - zero_point) if scale else codes
