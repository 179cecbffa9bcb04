"""Initial weights from a trained network, layers and joints matched by name.

K joints.
"""

from pathlib import Path

import keras
import numpy as np
from rich.console import Console

from fpd_tf.errors import InputError
from fpd_tf.joint_maps import SAME
from fpd_tf.joint_names import plain_name
from fpd_tf.models.keras_file import joint_set_of_network, load_network
from fpd_tf.shipped import model_file

NAMED = 4


def start_from(trained: str | Path, network: keras.Model) -> None:
    """Copies the weights that fit; a line on stderr lists what keeps random weights.

    A layer fits if it has the same name and shapes. In layers that output or read
    heatmaps, joints are matched by name; joints that the trained network does not have
    keep the random weights of `network`.

    Args:
        trained: a .keras file, or the name of a shipped network, such as "pose-small".
        network: gets the weights.

    Raises:
        InputError: no such file, or nothing of it fits.
    """
    path = model_file(trained, "keras")
    before = load_network(path)
    joints, anew = _joints_in_common(before, network)
    axes, old_axes = _joint_axes(network), _joint_axes(before)
    old = {layer.name: layer for layer in before.layers}
    taken, fresh = 0, []
    for layer in network.layers:
        if not layer.weights:
            continue
        twin = old.get(layer.name)
        axis = axes.get(layer.name)
        same_place = twin is not None and axis == old_axes.get(layer.name)
        values = _taken_over(twin, layer, axis, joints) if same_place else None
        if values is None:
            fresh.append(layer.name)
        else:
            layer.set_weights(values)
            taken += 1
    if not taken:
        expected = f"a network with layers of {network.name}, or start_from=null"
        raise InputError(path, "", expected, before.name)
    if fresh or anew:
        _tell(path, taken, fresh, anew)


def _joints_in_common(before, network):
    """Pairs (joint of the network, joint of the one before), and the names of the rest.

    If one of them has no joint names, equal numbers of joints are assumed to be equal.
    """
    wanted, had = joint_set_of_network(network), joint_set_of_network(before)
    count = network.outputs[-1].shape[-1]
    if not (wanted and had):
        same = count == before.outputs[-1].shape[-1]
        return [(at, at) for at in range(count if same else 0)], []
    found = {plain_name(name): at for at, name in enumerate(had.joints)}
    pairs = [
        (at, found.get(name, found.get(SAME.get(name))))
        for at, name in enumerate(map(plain_name, wanted.joints))
    ]
    anew = [wanted.joints[at] for at, twin in pairs if twin is None]
    return [pair for pair in pairs if pair[1] is not None], anew


def _joint_axes(network):
    """Layer -> joint axis of its kernel: -1 for output, -2 for input."""
    heatmaps, axes = {id(tensor) for tensor in network.outputs}, {}
    for layer in reversed(network.layers):
        if id(layer.output) in heatmaps:
            if layer.weights:
                axes[layer.name] = -1
            else:
                heatmaps |= {id(tensor) for tensor in _inputs(layer)}
    for layer in network.layers:
        read = any(id(tensor) in heatmaps for tensor in _inputs(layer))
        if layer.weights and layer.name not in axes and read:
            axes[layer.name] = -2
    return axes


def _inputs(layer):
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _taken_over(twin, layer, axis, joints):
    """The layer's weights replaced by those of its twin; None if they do not fit."""
    values = []
    for old, new in zip(twin.get_weights(), layer.get_weights(), strict=False):
        if axis is None or old.ndim < -axis:
            moved = old if old.shape == new.shape else None
        else:
            moved = _moved(old, new, axis, joints)
        values.append(moved)
    unlike = len(twin.weights) != len(layer.weights)
    return None if unlike or any(each is None for each in values) else values


def _moved(old, new, axis, joints):
    """`new`, with what `old` has of the same joints along that axis."""
    old, new = np.moveaxis(old, axis, 0), np.moveaxis(new, axis, 0).copy()
    if old.shape[1:] != new.shape[1:] or not joints:
        return None
    for to, from_ in joints:
        new[to] = old[from_]
    return np.moveaxis(new, 0, axis)


def _tell(path, taken, fresh, anew):
    told = [f"{taken} of {taken + len(fresh)} layers loaded from {path}"]
    for what, names in (("joints", anew), ("layers", fresh)):
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            told.append(
                f"{what} initialised at random: {', '.join(names[:NAMED])}{more}"
            )
    Console(stderr=True, soft_wrap=True).print("; ".join(told))
