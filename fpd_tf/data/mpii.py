"""MPII Human Pose: one split, from the common json or the official release."""

import logging
from pathlib import Path

from fpd_tf.data.checks import keep_good
from fpd_tf.data.mpii_json import JSON_FILES, json_path, json_people
from fpd_tf.data.mpii_release import RELEASE_FILE, RELEASE_FOLDERS, release_people
from fpd_tf.data.people import People
from fpd_tf.errors import InputError
from fpd_tf.joints import MPII

logger = logging.getLogger("fpd_tf")

BOTH = ("trainval", "all")  # training people have no head boxes


def load_mpii(
    root: str | Path, split: str = "train", *, on_error: str = "raise"
) -> People:
    """The people of one MPII split, 16 joints each, in the order of the file.

    Photographs lie in `root/images`. The annotations come from one of two forms:

    - the common json of the pose code bases, `root/annot/train.json`, `valid.json` (the
      2,958 validation people of Tompson et al., CVPR 2015) and, where there is one,
      `test.json`. It is used if both forms exist. A joint is missing if its
      `joints_vis` is 0 and no coordinate is above 0; the published files say 1 for
      every labelled joint, occluded or not (microsoft/human-pose-estimation.pytorch
      #7). Head boxes of `valid.json` come from `gt_valid.mat` or
      `detections_our_format.mat` beside it (`headboxes_src` of the same length), else
      from a record's own `head_box` [x1, y1, x2, y2], else the head size is None.
    - the official release, `mpii_human_pose_v1_u12_1.mat` in `root`, `root/annot` or
      `root/mpii_human_pose_v1_u12_2`. `trainval` and `test` are its `img_train` 1 and
      0; test people have no annotated joint. `val` is Tompson's list, `detections.mat`
      beside the release, in that list's order; `train` is all people on the training
      photographs except those of that list. Rectangles without position
      or scale, or without joints on a training photograph, are left out.

    Args:
        root: folder of the data set.
        split: "train", "val", "test", "trainval", "all" or "FIRST-LAST" image numbers,
            1-based and inclusive: places in the release's annolist, or in the json
            lists put one after another (train, valid, test).
        on_error: "raise" at the first bad person (no labelled joint, a coordinate that
            is not finite or beyond 100,000, scale not above 0, an image outside
            `root/images`), or "skip" such people and log how many.

    Returns:
        People scored by PCKh@0.5 where every head size is known, else by PCK@0.2;
        `visible` is the annotator's flag (True where the release has none: neck and
        head top).

    Raises:
        InputError: a file is missing, broken or of another form; a person is bad.

    Example:
        >>> import json, pathlib
        >>> import fpd_tf as fpd
        >>> person = {"image": "a.jpg", "joints": [[9, 9]] * 16, "joints_vis": [1] * 16}
        >>> people = [person | {"center": [9, 9], "scale": 1.0}]
        >>> pathlib.Path("annot").mkdir()
        >>> _ = pathlib.Path("annot/train.json").write_text(json.dumps(people))
        >>> fpd.load_mpii(".", "train")[0].joints[0]
        array([8., 8.], dtype=float32)
    """
    root = Path(root)
    releases = [root / folder / RELEASE_FILE for folder in RELEASE_FOLDERS]
    release = next((path for path in releases if path.is_file()), None)
    if any(json_path(root, name).is_file() for name in JSON_FILES):
        people = json_people(root, split)
    elif release:
        people = release_people(root, release, split)
    else:
        wanted = f"annot/train.json and annot/valid.json, or {RELEASE_FILE}"
        raise InputError(root, "", wanted, "neither" if root.is_dir() else "no folder")
    if not people:
        raise InputError.plain(root, f"split {split}", "has no people")
    kept = keep_good(people, on_error)
    headless = sum(person.head_size is None for person in kept)
    if 0 < headless < len(kept) and split not in BOTH:
        logger.warning(
            "%s: %d of %d people have no head box, so scores are PCK@0.2, not PCKh@0.5",
            *(root, headless, len(kept)),
        )
    metric = "pck" if headless else "pckh"
    return People(kept, MPII, metric, source="mpii")
