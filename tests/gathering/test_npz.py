"""Arrays of an .npz file are those that numpy reads, and what numpy refuses is refused with its words."""

import io

import numpy as np
import pytest

from robustprune.gathering.npz import arrays


def packed(**values):
    target = io.BytesIO()
    np.savez_compressed(target, **values)
    return target.getvalue()


def by_numpy(content):
    with np.load(io.BytesIO(content)) as loaded:
        return dict(loaded.items())


def outcome(read, content):
    try:
        return {name: (str(values.dtype), values.tolist()) for name, values in read(content).items()}
    except Exception as error:
        return f"{type(error).__name__}: {error}"


RANDOM = np.random.default_rng(1)
GATES = packed(
    input=RANDOM.random((3, 2, 7)).astype(np.float16), fc1=np.asfortranarray(RANDOM.random((2, 2, 5)).astype(">f4"))
)


def test_damage_is_found_as_numpy_finds_it():
    for place in range(len(GATES)):
        damaged = bytearray(GATES)
        damaged[place] ^= 1 << (place % 8)
        assert outcome(arrays, bytes(damaged)) == outcome(by_numpy, bytes(damaged)), place
        assert outcome(arrays, GATES[:place]) == outcome(by_numpy, GATES[:place]), place


@pytest.mark.parametrize("values", [np.array([None]), np.zeros((0, 2, 3)), np.float32(1.5), np.array(["a", "bc"])])
def test_unusual_arrays(values):
    content = packed(fc1=values)
    assert outcome(arrays, content) == outcome(by_numpy, content)


def test_members_that_are_not_packed():
    target = io.BytesIO()
    np.savez(target, fc1=np.arange(6).reshape(3, 2))
    assert outcome(arrays, target.getvalue()) == outcome(by_numpy, target.getvalue())
