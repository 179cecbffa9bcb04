"""Joints smoothed over time by the one-euro filter.

The apps' Kotlin, Swift and JavaScript compute the same; `contract.rules.Smoothing`
holds the constants. K joints.
"""

import numpy as np

from fpd_tf.contract.rules import Smoothing


class OneEuro:
    """Smooths joints over time (rule: see `Smoothing`).

    Args:
        rule: cut-off frequencies.
        threshold: least score of a joint that is smoothed.

    Example:
        >>> import numpy as np
        >>> from fpd_tf.contract.rules import Smoothing
        >>> from fpd_tf.inference.smoothing import OneEuro
        >>> smooth = OneEuro(Smoothing(), 0.2)
        >>> for seconds in (0.0, 0.1):
        ...     at = smooth(np.full((1, 2), 10 * seconds), np.ones(1), seconds, 100.0)
        >>> bool(0 < at[0, 0] < 1)
        True
    """

    def __init__(self, rule: Smoothing, threshold: float):
        self._rule, self._threshold = rule, threshold
        self.forget()

    def forget(self) -> None:
        """Resets the filter."""
        self._seconds = None

    def __call__(
        self, joints: np.ndarray, scores: np.ndarray, seconds: float, side: float
    ) -> np.ndarray:
        """(K, 2) smoothed joints.

        Args:
            joints: (K, 2) pixels.
            scores: (K,).
            seconds: time of the frame; if it is not later than the last frame's, or not
                a number, the filter is reset.
            side: of the crop the joints were found in, pixels.
        """
        joints = np.asarray(joints, np.float64)
        seen = np.asarray(scores, np.float64) >= self._threshold
        known = np.zeros(len(joints), bool)
        if self._seconds is not None and seconds > self._seconds:
            known = seen & self._seen
            joints = self._filtered(joints, known, seconds - self._seconds, side)
        else:
            self._speeds = np.zeros_like(joints)
        self._speeds[~known] = 0
        self._joints, self._seen, self._seconds = joints, seen, seconds
        return joints.copy()

    def _filtered(self, joints, known, period, side):
        rule = self._rule
        speeds = (joints - self._joints) / period
        weight = _weight(rule.derivative_cutoff, period)
        self._speeds = weight * speeds + (1 - weight) * self._speeds
        speed = np.linalg.norm(self._speeds, axis=1, keepdims=True) / side
        weight = _weight(rule.min_cutoff + rule.beta * speed, period)
        smoothed = weight * joints + (1 - weight) * self._joints
        return np.where(known[:, None], smoothed, joints)


def _weight(cutoff, period):
    """Of the new value in a low-pass filter, its cut-off in Hz and period in s."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * period))
