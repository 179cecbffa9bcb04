"""The usual input of a pose repository: OpenCV and NumPy, one person after another.

What the public code bases of the paper's time do, written anew: read the whole
photograph, draw an augmentation, mirror, warp, scale, and put a patch of a Gaussian on
each joint's heatmap. S input size, H = W = S / 4, K joints.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from fpd_tf.data.people import People, Sample
from fpd_tf.data.pipeline import DataConfig
from fpd_tf.joints import JointSet

STRIDE = 4


def load_batches(
    people: People, config: DataConfig
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """One epoch of images (B, S, S, 3), heatmaps (B, K, H, W), weights (B, K, 1)."""
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(people))
    for start in range(0, len(people) - config.batch_size + 1, config.batch_size):
        chosen = order[start : start + config.batch_size]
        loaded = [
            load_person(people[index], people.joint_set, config, rng)
            for index in chosen
        ]
        yield tuple(np.stack(part) for part in zip(*loaded, strict=True))


def load_person(
    sample: Sample, joint_set: JointSet, config: DataConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image (S, S, 3), heatmaps (K, H, W) and weights (K, 1), augmented."""
    image = cv2.imread(str(sample.image_path), cv2.IMREAD_COLOR)
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    joints, annotated = sample.joints.copy(), sample.annotated.copy()
    box, size = sample.box, config.input_size
    center = np.array([box.x, box.y])
    factor = rng.uniform(*config.scale)
    rotation = rng.uniform(-config.rotation, config.rotation)
    if rng.random() < config.flip:
        image, width = image[:, ::-1], image.shape[1]
        joints[:, 0] = width - 1 - joints[:, 0]
        center[0] = width - 1 - center[0]
        for right, left in joint_set.flip_pairs:
            joints[[right, left]] = joints[[left, right]]
            annotated[[right, left]] = annotated[[left, right]]
    matrix = affine_matrix(center, box.side * factor, rotation, size)
    image = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    image = image.astype(np.float32) / 255
    gains = rng.uniform(1 - config.color, 1 + config.color, 3).astype(np.float32)
    image = np.clip(image * gains, 0, 1)
    for joint in range(len(joints)):
        if annotated[joint]:
            joints[joint] = matrix @ (*joints[joint], 1.0)
    return image, *draw_heatmaps(joints, annotated, size // STRIDE, config.sigma)


def affine_matrix(center, side, rotation, size):
    """(2, 3): the box's middle to the crop's, turned and scaled."""
    middle = (float(center[0]), float(center[1]))
    matrix = cv2.getRotationMatrix2D(middle, -rotation, size / side)
    matrix[:, 2] += (size - 1) / 2 - center
    return matrix


def draw_heatmaps(joints, annotated, size, sigma):
    """A patch of three sigmas around the cell that each joint falls into."""
    heatmaps = np.zeros((len(joints), size, size), np.float32)
    weights = annotated.astype(np.float32)[:, None]
    reach = int(3 * sigma)
    for joint in range(len(joints)):
        if not annotated[joint]:
            continue
        x, y = (int(part / STRIDE + 0.5) for part in joints[joint])
        left, top, right, bottom = x - reach, y - reach, x + reach + 1, y + reach + 1
        if left >= size or top >= size or right <= 0 or bottom <= 0:
            weights[joint] = 0
            continue
        cells = np.arange(2 * reach + 1, dtype=np.float32)
        patch = (cells - reach) ** 2 + (cells[:, None] - reach) ** 2
        patch = np.exp(-patch / (2 * sigma**2))
        rows = slice(max(top, 0), min(bottom, size))
        columns = slice(max(left, 0), min(right, size))
        heatmaps[joint, rows, columns] = patch[
            rows.start - top : rows.stop - top,
            columns.start - left : columns.stop - left,
        ]
    return heatmaps, weights
