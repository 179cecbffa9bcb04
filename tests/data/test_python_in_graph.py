import subprocess
import sys

import pytest

LEAVES_AN_ITERATOR = """
import sys
import fpd_tf as fpd

people = fpd.load_lsp(sys.argv[1], "1-200")
dataset = fpd.make_dataset(people, training=True, first_epoch=0)
iterator = iter(dataset)
next(iterator), next(iterator)
"""


@pytest.mark.slow
def test_a_program_that_leaves_an_iterator_behind_ends(shared_data):
    """Where the end does not wait, three of five such programs hang or abort."""
    for _ in range(4):
        words = [sys.executable, "-c", LEAVES_AN_ITERATOR, str(shared_data / "lspet")]
        assert subprocess.run(words, capture_output=True, timeout=90).returncode == 0
