"""What networks with a top-down head have in common."""

import pytest

import fpd_tf as fpd


@pytest.fixture(params=["mobilenet_twins", "efficientnet_twins"])
def twins(request):
    return request.getfixturevalue(request.param)


def test_twins_cost_the_same(twins):
    ours, theirs = map(fpd.model_cost, twins)
    assert ours == theirs


def test_it_gives_one_stack_at_a_quarter_of_the_size(twins):
    (heatmaps,) = twins[0].outputs
    assert heatmaps.shape == (None, 16, 16, 14)


def test_a_saved_network_loads_without_custom_objects(run_round_trip, twins):
    run_round_trip(twins[0])


def test_the_head_joins_the_backbone_at_every_size(twins):
    joins = {
        layer.name: layer.input
        for layer in twins[0].layers
        if layer.name.startswith("head_") and layer.name.endswith("_add")
    }
    assert {"head_4_add", "head_8_add"} <= joins.keys()
    for name, (first, second) in joins.items():
        side = 64 // int(name.split("_")[1])
        assert first.shape == second.shape == (None, side, side, 8)
