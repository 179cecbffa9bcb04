"""Networks in .keras files: plain Keras, with the joint names as an extra member."""

import json
import zipfile
from pathlib import Path

import keras

from fpd_tf.errors import InputError
from fpd_tf.files import written_whole
from fpd_tf.joints import JointSet, joint_set_from
from fpd_tf.shipped import KERAS_FILES, model_file

_JOINTS = "joints.json"
_ZIP = b"PK"


def load_network(path: str | Path) -> keras.Model:
    """Loads a .keras file in safe mode, to run or to train it.

    Keras's older .h5 files too; joints are named in .keras files alone.

    Args:
        path: the file, or the name of a shipped student.

    Raises:
        InputError: no such file, or not a network saved by Keras.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.keras_file import load_network
        >>> fpd.build_model("tiny", input_size=64).save("tiny.keras")
        >>> load_network("tiny.keras").name
        'tiny'
    """
    path = model_file(path, "keras")
    if not path.is_file():
        received = "a folder" if path.is_dir() else "no such file"
        raise InputError(path, "", "a .keras file", received)
    if path.suffix not in KERAS_FILES:
        received = f"a {path.suffix} file" if path.suffix else "a file without suffix"
        raise InputError(path, "", "a .keras file", received)
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise InputError(path, "", "a network saved by Keras", _kind(path))
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its readers raise
        reason = _reason(path, error)
        raise InputError(path, "", "a network saved by Keras", reason) from error
    joint_set = _joint_set_within(path)
    return named_network(network, joint_set) if joint_set else network


def save_network(network: keras.Model, path: str | Path) -> None:
    """Writes a .keras file atomically, with the network's joint names.

    Raises:
        InputError: another suffix, or the file cannot be written.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.keras_file import load_network, named_network
        >>> from fpd_tf.models.keras_file import joint_set_of_network, save_network
        >>> network = fpd.build_model("tiny", input_size=64)
        >>> save_network(named_network(network, fpd.MPII), "named.keras")
        >>> joint_set_of_network(load_network("named.keras")).name
        'mpii'
    """
    if Path(path).suffix != ".keras":
        raise InputError(path, "", "a name that ends in .keras", Path(path).name)
    joint_set = joint_set_of_network(network)
    with written_whole(path) as aside:
        network.save(aside)
        if joint_set:
            with zipfile.ZipFile(aside, "a") as archive:
                archive.writestr(_JOINTS, json.dumps(joint_set.as_dict()))


def check_loadable(network: keras.Model) -> None:
    """Checks that a file of this network can be loaded, before hours are spent on it.

    Raises:
        InputError: a layer of a class that Keras does not find again, or a Lambda.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.keras_file import check_loadable
        >>> check_loadable(fpd.build_model("tiny", input_size=64))
    """
    described = keras.saving.serialize_keras_object(network)
    try:
        keras.saving.deserialize_keras_object(described, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise
        sentence = f"its file could not be loaded again: {_innermost(error)}"
        raise InputError.plain(network.name, "", sentence) from error


def named_network(network: keras.Model, joint_set: JointSet) -> keras.Model:
    """Attaches joint names to a network and returns it.

    Raises:
        InputError: no JointSet, or the network has another number of heatmaps.
    """
    if not isinstance(joint_set, JointSet):
        received = type(joint_set).__name__
        raise InputError(network.name, "joint_set", "a JointSet", received)
    found = network.outputs[-1].shape[-1]
    if found != joint_set.num_joints:
        expected = f"the {joint_set.num_joints} joints of {joint_set.name}"
        raise InputError(network.name, "heatmaps", expected, found)
    network.joint_set = joint_set
    return network


def joint_set_of_network(network: keras.Model) -> JointSet | None:
    """The joints of `named_network` or of the file; None if there are none."""
    return getattr(network, "joint_set", None)


def _kind(path):
    """What a file is that is no zip file."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        return "an empty file"
    cut = start.startswith(_ZIP)
    return "a file that is cut short or damaged" if cut else "another format"


def _reason(path, error):
    """Keras's message; both versions if another Keras wrote the file."""
    said = _innermost(error)
    try:
        with zipfile.ZipFile(path) as archive:
            saved_by = json.loads(archive.read("metadata.json"))["keras_version"]
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile):
        return said
    own = keras.__version__
    if saved_by == own:
        return said
    return f"a file of Keras {saved_by}, which this Keras {own} does not read: {said}"


def _innermost(error):
    """The first line of the error behind Keras's, without the dumped configuration."""
    innermost = str(error).rpartition("Exception encountered: ")[2].strip()
    first = innermost.partition("\n")[0].partition(" Full object config:")[0]
    return first or type(error).__name__


def _joint_set_within(path):
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        if _JOINTS not in archive.namelist():
            return None
        try:
            described = json.loads(archive.read(_JOINTS))
        except (ValueError, RecursionError) as error:
            raise InputError(path, _JOINTS, "the names of joints", error) from error
    return joint_set_from(described, path)
