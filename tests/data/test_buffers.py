import numpy as np
import tensorflow as tf

from fpd_tf.data.buffers import Buffers

SHAPE = (4, 3)


def place(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_only_once_nothing_refers_to_it():
    buffers = Buffers()
    first = buffers.take(SHAPE, np.float32)
    first[:] = 7
    row = first.T[1:][0]  # a view of a view
    where = place(first)
    del first
    other = buffers.take(SHAPE, np.float32)
    other[:] = 0
    assert place(other) != where and (row == 7).all()
    del row
    assert place(buffers.take(SHAPE, np.float32)) == where


def test_a_tensor_takes_it_without_a_copy_and_keeps_it():
    buffers, places = Buffers(), []

    def filled(number):
        array = buffers.take(SHAPE, np.float32)
        array[:] = number
        places.append(place(array))
        return array

    def tensor(number):
        return tf.numpy_function(filled, [number], tf.float32, stateful=False)

    one_by_one = tf.data.Options()
    one_by_one.experimental_optimization.map_parallelization = False
    dataset = tf.data.Dataset.range(5).map(tensor).with_options(one_by_one)
    held = [*dataset.as_numpy_iterator()]
    assert [place(array) for array in held] == places
    for number, array in enumerate(held):
        assert (array == number).all()
    del held, array
    for _ in dataset:
        pass
    assert len(set(places)) <= 7


def test_arrays_are_aligned_and_of_the_shape_and_type_asked_for():
    buffers = Buffers()
    taken = [buffers.take((5,), kind) for kind in (np.float32, np.uint8, np.float32)]
    assert all(place(array) % 64 == 0 for array in taken)
    assert [array.dtype.itemsize for array in taken] == [4, 1, 4]
