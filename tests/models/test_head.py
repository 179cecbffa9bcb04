"""What networks with a top-down head have in common."""

import pytest


@pytest.fixture(params=["tiny_mobilenet", "tiny_efficientnet"])
def network(request):
    return request.getfixturevalue(request.param)


def test_it_gives_one_stack_at_a_quarter_of_the_size(network):
    (heatmaps,) = network.outputs
    assert heatmaps.shape == (None, 16, 16, 14)


def test_a_saved_network_loads_without_custom_objects(run_round_trip, network):
    run_round_trip(network)


def test_the_head_joins_the_backbone_at_every_size(network):
    joins = {
        layer.name: layer.input
        for layer in network.layers
        if layer.name.startswith("head_") and layer.name.endswith("_add")
    }
    assert {"head_4_add", "head_8_add"} <= joins.keys()
    for name, (first, second) in joins.items():
        side = 64 // int(name.split("_")[1])
        assert first.shape == second.shape == (None, side, side, 8)
