"""A hourglass in PyTorch's functions, imported and held against what it answers."""

import sys

import numpy as np
import pytest

from fpd_tf.errors import InputError
from fpd_tf.export.fold import folded
from fpd_tf.imports.torch_hourglass import hourglass_of_state_dict, import_hourglass
from fpd_tf.joints import LSP, MPII
from fpd_tf.models.keras_file import (
    joint_set_of_network,
    load_network,
    save_network,
)

SIZE, STACKS, DEPTH, BLOCKS, JOINTS = 32, 2, 2, 2, 16
SCALED = {"stem": 4, "pooled": 16, "features": 16}  # F/4, F and F, as in the ports
FIXED = {"stem": 6, "pooled": 12, "features": 8}  # as in the original: 64, 128 and F
MEAN = (0.4404, 0.4440, 0.4327)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def state_of(stem, pooled, features, draw):
    """Weights by PyTorch's names; `draw(shape)` draws those of a convolution."""
    state = {}

    def convolution(name, into, out, side=1):
        state[f"{name}.weight"] = draw((out, into, side, side))
        state[f"{name}.bias"] = draw((out,))

    def norm(name, channels):
        weight, bias, mean = (draw((channels,)) for _ in range(3))
        state[f"{name}.weight"], state[f"{name}.bias"] = 1 + weight, bias
        state[f"{name}.running_mean"] = mean
        state[f"{name}.running_var"] = 1 + np.abs(draw((channels,)))
        state[f"{name}.num_batches_tracked"] = np.array(7)

    def residual(name, into, out):
        for step, (a, b, side) in enumerate(
            [(into, out // 2, 1), (out // 2, out // 2, 3), (out // 2, out, 1)], start=1
        ):
            norm(f"{name}.bn{step}", a)
            convolution(f"{name}.conv{step}", a, b, side)
        if into != out:
            convolution(f"{name}.downsample.0", into, out)

    convolution("conv1", 3, stem, 7)
    norm("bn1", stem)
    widths = (stem, 2 * stem, pooled, features)
    for number, (into, out) in enumerate(zip(widths, widths[1:], strict=False), 1):
        residual(f"layer{number}.0", into, out)
    for stack in range(STACKS):
        for block in range(BLOCKS):
            residual(f"res.{stack}.{block}", features, features)
            for level in range(DEPTH):
                for place in range(3 + (level == 0)):
                    name = f"hg.{stack}.hg.{level}.{place}.{block}"
                    residual(name, features, features)
        convolution(f"fc.{stack}.0", features, features)
        norm(f"fc.{stack}.1", features)
        convolution(f"score.{stack}", features, JOINTS)
        if stack < STACKS - 1:
            convolution(f"fc_.{stack}", features, features)
            convolution(f"score_.{stack}", JOINTS, features)
    return state


def random_state(widths, seed=0):
    rng = np.random.default_rng(seed)

    def draw(shape):
        bound = 1 / np.sqrt(max(np.prod(shape[1:]), 4))
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    return state_of(**widths, draw=draw)


def answers_of_torch(state, shown):
    """Heatmaps (B, H, W, K) of each stack, of normalized (B, S, S, 3) images."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    weights = {name: torch.tensor(each) for name, each in state.items()}

    def convolution(name, x, **settings):
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.conv2d(x, kernel, bias, **settings)

    def norm(name, x):
        kinds = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(weights[f"{name}.{each}"] for each in kinds))

    def activated(name, x):
        return functional.relu(norm(name, x))

    def residual(name, x):
        y = convolution(f"{name}.conv1", activated(f"{name}.bn1", x))
        y = convolution(f"{name}.conv2", activated(f"{name}.bn2", y), padding=1)
        y = convolution(f"{name}.conv3", activated(f"{name}.bn3", y))
        skip = f"{name}.downsample.0"
        return y + (convolution(skip, x) if f"{skip}.weight" in weights else x)

    def residuals(name, x):
        for block in range(BLOCKS):
            x = residual(f"{name}.{block}", x)
        return x

    def hourglass(name, x, level):
        place = f"{name}.hg.{level}"
        low = residuals(f"{place}.1", functional.max_pool2d(x, 2))
        inner = (
            hourglass(name, low, level - 1) if level else residuals(f"{place}.3", low)
        )
        low = residuals(f"{place}.2", inner)
        return residuals(f"{place}.0", x) + functional.interpolate(low, scale_factor=2)

    x = torch.tensor(np.moveaxis(shown, -1, 1).astype(np.float32))
    x = activated("bn1", convolution("conv1", x, stride=2, padding=3))
    x = functional.max_pool2d(residual("layer1.0", x), 2)
    x = residual("layer3.0", residual("layer2.0", x))
    answers = []
    for stack in range(STACKS):
        y = residuals(f"res.{stack}", hourglass(f"hg.{stack}", x, DEPTH - 1))
        y = activated(f"fc.{stack}.1", convolution(f"fc.{stack}.0", y))
        score = convolution(f"score.{stack}", y)
        answers.append(np.moveaxis(score.numpy(), 1, -1))
        if stack < STACKS - 1:
            x = (
                x
                + convolution(f"fc_.{stack}", y)
                + convolution(f"score_.{stack}", score)
            )
    return answers


def images(seed=3):
    return np.random.default_rng(seed).random((2, SIZE, SIZE, 3), np.float32)


def saved(state, path, **beside):
    torch = pytest.importorskip("torch")
    weights = {f"module.{name}": torch.tensor(each) for name, each in state.items()}
    torch.save({"state_dict": weights, **beside}, path)
    return path


def check_equal(network, photographs, answers):
    for ours, theirs in zip(network(photographs), answers, strict=True):
        assert np.abs(theirs).max() > 0.1
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("widths", [SCALED, FIXED], ids=["scaled", "fixed"])
def test_every_stack_of_pytorch_pose_is_equal(widths, tmp_path):
    state = random_state(widths)
    path = saved(state, tmp_path / "hg.pth.tar", epoch=3, arch="hg", optimizer={})
    network = import_hourglass(path, input_size=SIZE)
    assert joint_set_of_network(network) is MPII
    photographs = images()
    check_equal(network, photographs, answers_of_torch(state, photographs - MEAN))


def test_the_authors_networks_read_blue_first_and_a_crop_moved_by_a_pixel(tmp_path):
    state = random_state(SCALED)
    network = import_hourglass(
        saved(state, tmp_path / "final.pth"), origin="authors", input_size=SIZE
    )
    photographs, (mean, deviation) = images(), IMAGENET
    # the mean colour at the crop's first row and column: nothing leaves it as it moves
    photographs[:, 0], photographs[:, :, 0] = mean[::-1], mean[::-1]
    moved = np.zeros_like(photographs)
    shown = (photographs[..., ::-1] - mean) / deviation
    moved[:, :-1, :-1] = shown[:, 1:, 1:]
    check_equal(network, photographs, answers_of_torch(state, moved))


@pytest.mark.parametrize(
    ("origin", "columns"), [("pytorch-pose", (12, 14)), ("authors", (13, 15))]
)
def test_the_columns_of_a_crop_that_a_cell_looks_at(origin, columns):
    """A stem that looks at one pixel, residuals that add nothing: cell 3 of a row.

    Cells are 2 x 2 cells of the stem, whose cell i looks at 2 i, or at 2 i + 1 where
    the crop is moved by a pixel. So cell 3 lies about 13 or 14, where this package
    reads it as 4 * 3 + 1.5 = 13.5.
    """
    state = state_of(**SCALED, draw=lambda shape: np.zeros(shape, np.float32))
    state["conv1.weight"][0, :, 3, 3] = 1
    state["layer1.0.downsample.0.weight"][0, 0] = 1
    state["layer2.0.downsample.0.weight"][0, 0] = 1
    state["fc.0.0.weight"][0, 0] = 1
    state["score.0.weight"][:, 0] = 1
    network = hourglass_of_state_dict(state, "a", origin=origin, input_size=SIZE)
    crops = np.zeros((SIZE, SIZE, SIZE, 3), np.float32)
    crops[np.arange(SIZE), :, np.arange(SIZE)] = 1  # a white column in each
    rows = np.asarray(network(crops)[0])[:, 4, :, 0]
    lit = rows[:, 3] - rows[:, 3].min()  # coarser levels light all of a block a little
    assert tuple(np.flatnonzero(lit > 0.9 * lit.max())) == columns


def test_an_imported_network_is_saved_and_folded_as_every_other(tmp_path):
    network = hourglass_of_state_dict(
        random_state(FIXED), "a", origin="authors", input_size=SIZE
    )
    save_network(network, tmp_path / "teacher.keras")
    loaded = load_network(tmp_path / "teacher.keras")
    assert joint_set_of_network(loaded) is MPII
    answer = np.asarray(network(images())[-1])
    np.testing.assert_array_equal(loaded(images())[-1], answer)
    np.testing.assert_allclose(folded(loaded)(images()), answer, atol=1e-4)


def test_the_verb_writes_a_network_and_over_nothing(run_fpd, tmp_path):
    path, out = saved(random_state(SCALED), tmp_path / "hg.pth"), tmp_path / "t.keras"
    status, said, error = run_fpd("import", path, "--out", out, "--size", SIZE)
    assert status == 0, error
    assert "32 px, 16 joints of mpii" in said
    last = load_network(out)(images())[-1]
    expected = import_hourglass(path, input_size=SIZE)(images())[-1]
    np.testing.assert_array_equal(last, expected)
    status, _, said = run_fpd("import", path, "--out", out)
    assert status == 2 and "it exists already" in said
    status, _, said = run_fpd("import", path, "--out", tmp_path / "t.h5")
    assert status == 2 and "a new .keras file" in said


def test_other_joints_are_refused():
    state = random_state(SCALED)
    with pytest.raises(InputError, match="expected the 14 joints of lsp. Received: 16"):
        hourglass_of_state_dict(state, "a", origin="authors", joint_set=LSP)


def damaged(**changes):
    state = random_state(SCALED)
    for name, each in changes.items():
        name = name.replace("__", ".")
        if each is None:
            del state[name]
        else:
            state[name] = np.zeros(each, np.float32)
    return state


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "conv1.weight: expected the weights of a stacked hourglass"),
        (damaged(conv1__weight=None), "conv1.weight: expected the weights of a"),
        (damaged(res__1__0__bn2__bias=None), "res.1.0.bn2.bias: .*no such weights"),
        (
            damaged(conv1__weight=(4, 3, 3, 3)),
            r"conv1.weight: expected shape \(4, 3, 7",
        ),
        (
            damaged(hg__0__hg__0__0__1__conv2__weight=(8, 1, 3, 3)),
            r"conv2.weight: expected shape \(8, 8, 3, 3\). Received: \(8, 1, 3, 3\)",
        ),
        (damaged(layer4__0__bn1__weight=(8,)), "layer4.0.bn1.weight: .*1 more weights"),
    ],
)
def test_another_network_is_refused_by_the_name_of_what_differs(state, said):
    with pytest.raises(InputError, match=said):
        hourglass_of_state_dict(state, "a.pth", origin="authors", input_size=SIZE)


def test_weights_that_are_not_finite_are_refused():
    state = random_state(SCALED)
    state["fc.0.1.running_var"][2] = np.nan
    with pytest.raises(InputError, match="fc.0.1.running_var: expected finite numbers"):
        hourglass_of_state_dict(state, "a.pth", origin="authors", input_size=SIZE)


def test_without_torch_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "a.pth").write_bytes(b"anything")
    with pytest.raises(
        InputError, match="a.pth: only torch reads .* pip install torch"
    ):
        import_hourglass(tmp_path / "a.pth")


def test_files_that_hold_no_state_dict_are_refused(tmp_path):
    torch = pytest.importorskip("torch")
    (tmp_path / "text.pth").write_text("no checkpoint")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"state_dict": {"epoch": 3}}, tmp_path / "number.pth")
    torch.save({"epoch": 3, "model": tmp_path}, tmp_path / "objects.pth")
    for name in ("text", "objects"):
        with pytest.raises(InputError, match="weights that torch.load reads with"):
            import_hourglass(tmp_path / f"{name}.pth")
    for name in ("list", "number"):
        with pytest.raises(InputError, match="expected a state dict, or a checkpoint"):
            import_hourglass(tmp_path / f"{name}.pth")
