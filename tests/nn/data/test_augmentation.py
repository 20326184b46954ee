"""Augmentation: what the steps do to an image, which bits they draw, and what they leave alone."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nn.data import Augmentation, add_noise, compose, load_digits, rotate, shift

Array = npt.NDArray[Any]
noise = partial(add_noise, deviation=0.1)
STEPS: dict[str, Augmentation] = {
    "shift": shift,
    "rotate": rotate,
    "noise": noise,
    "all": compose(rotate, shift, noise),
}


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def images(*shape: int, dtype: Any = np.float64) -> Array:
    array = rng(1).random(shape).astype(dtype)
    array.setflags(write=False)
    return array


# What all steps have in common.


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 1, 8, 8), (3, 2, 6, 9), (1, 3, 1, 1), (0, 1, 4, 4)])
def test_shape_dtype_range_and_bits(name: str, dtype: Any, shape: tuple[int, ...]) -> None:
    step, given = STEPS[name], images(*shape, dtype=dtype)
    changed = step(given, rng())
    assert (changed.shape, changed.dtype) == (given.shape, given.dtype)
    assert changed.flags.writeable
    assert not np.shares_memory(changed, given)
    if given.size:
        assert changed.min() >= 0
        assert changed.max() <= 1
    np.testing.assert_array_equal(step(given, rng()), changed)
    np.testing.assert_array_equal(given, images(*shape, dtype=dtype))


@pytest.mark.parametrize("name", STEPS)
def test_each_image_and_each_batch_is_changed_in_its_own_way(name: str) -> None:
    # One image many times, so that only the draws differ.
    batch = np.repeat(load_digits().test_images[:1], 6, axis=0)
    generator = rng()
    results = np.concatenate([STEPS[name](batch, generator) for _ in range(2)])
    distinct = len(np.unique(results.reshape(12, -1), axis=0))
    # Of 25 shifts, some come twice.
    assert distinct >= (8 if name == "shift" else 12)


@pytest.mark.parametrize("name", STEPS)
def test_the_number_of_draws_depends_on_the_shape_alone(name: str) -> None:
    one, two = rng(), rng()
    STEPS[name](np.zeros((4, 1, 5, 5)), one)
    STEPS[name](images(4, 1, 5, 5), two)
    assert one.bit_generator.state == two.bit_generator.state


@pytest.mark.parametrize(
    "step", [partial(shift, most=0), partial(rotate, degrees=0), partial(add_noise, deviation=0)]
)
def test_nothing_is_changed_by_nothing(step: Augmentation) -> None:
    given = images(3, 2, 5, 4)
    np.testing.assert_array_equal(step(given, rng()), given, strict=True)


# Shifting.


def shifted_by_hand(image: Array, by: Array) -> Array:
    """Pixel by pixel: each goes to its place plus the shift, if that is in the image."""
    result = np.zeros_like(image)
    for place in np.ndindex(*image.shape[1:]):
        target = tuple(np.add(place, by))
        if all(0 <= t < n for t, n in zip(target, image.shape[1:], strict=True)):
            result[(slice(None), *target)] = image[(slice(None), *place)]
    return result


@pytest.mark.parametrize("shape", [(9, 2, 7), (9, 2, 5, 4), (4, 1, 3, 4, 2)])
@pytest.mark.parametrize("most", [1, 3, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.bool_])
def test_shift_against_single_pixels(shape: tuple[int, ...], most: int, dtype: Any) -> None:
    given = (images(*shape) * 255 + 1).astype(dtype)
    by = most - rng().integers(0, 2 * most + 1, size=(len(shape) - 2, len(given)))
    expected = [shifted_by_hand(image, step) for image, step in zip(given, by.T, strict=True)]
    np.testing.assert_array_equal(shift(given, rng(), most), np.stack(expected), strict=True)


def test_all_shifts_are_equally_likely() -> None:
    dot = np.zeros((20_000, 1, 5, 3))
    dot[:, 0, 2, 1] = 1
    frequency = shift(dot, rng(), most=1).mean(axis=(0, 1))
    np.testing.assert_allclose(frequency[1:4], 1 / 9, atol=6 * np.sqrt(8 / 81 / 20_000))
    assert not frequency[[0, 4]].any()


# Turning.


@pytest.mark.parametrize("shape", [(6, 2, 9, 9), (6, 1, 8, 8), (6, 1, 5, 12), (6, 1, 1, 7)])
@pytest.mark.parametrize("degrees", [10, 180])
def test_rotate_against_scipy(shape: tuple[int, ...], degrees: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    given = images(*shape)
    angles = rng().uniform(-degrees, degrees, size=len(given))
    expected = [
        ndimage.rotate(
            image, angle, axes=(2, 1), reshape=False, order=1, mode="grid-constant", prefilter=False
        )
        for image, angle in zip(given, angles, strict=True)
    ]
    np.testing.assert_allclose(rotate(given, rng(), degrees), expected, atol=1e-12)
    narrow = rotate(given.astype(np.float32), rng(), degrees)
    np.testing.assert_allclose(narrow, expected, atol=1e-5)


class Fixed(np.random.Generator):
    """A generator that always draws the largest angle."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return np.full(size, high)


@pytest.mark.parametrize("quarters", [1, 2, 3, 4])
def test_quarter_turns(quarters: int) -> None:
    given = images(2, 2, 6, 6)
    turned = rotate(given, Fixed(), degrees=90 * quarters)
    np.testing.assert_allclose(turned, np.rot90(given, quarters, axes=(2, 3)), atol=1e-12)


def test_pixels_from_outside_are_zeros() -> None:
    turned = rotate(np.ones((1, 1, 9, 9)), Fixed(), degrees=45)[0, 0]
    assert turned[0, 0] == turned[0, 8] == turned[8, 0] == turned[8, 8] == 0
    assert turned[4].all()


def test_rotate_keeps_any_range() -> None:
    given = images(50, 1, 9, 9, dtype=np.float32) * 3 - 2
    turned = rotate(given, rng(), degrees=180)
    assert turned.min() >= given.min()
    assert turned.max() <= given.max()


def test_rounding_does_not_leave_the_range() -> None:
    # Without clipping, one of these greys would come out brighter somewhere.
    for grey in rng().random(40, dtype=np.float32):
        assert rotate(np.full((3, 1, 9, 9), grey), rng(), degrees=45).max() == grey


# Noise.


def test_noise_is_normal_with_its_deviation() -> None:
    given = np.zeros((200, 1, 20, 20))
    added = add_noise(given, rng(), deviation=0.3, limits=None)
    assert added.mean() == pytest.approx(0, abs=6 * 0.3 / np.sqrt(added.size))
    assert added.std() == pytest.approx(0.3, rel=6 / np.sqrt(2 * added.size))
    np.testing.assert_array_equal(added, rng().standard_normal(given.shape) * 0.3)


def test_noise_is_clipped_to_the_limits() -> None:
    given = images(20, 1, 9, 9)
    free = add_noise(given, rng(), deviation=0.5, limits=None)
    assert free.min() < -0.1
    assert free.max() > 1.1
    np.testing.assert_array_equal(add_noise(given, rng(), 0.5), free.clip(0, 1))
    wide = add_noise(given, rng(), 0.5, limits=(-0.1, 1.1))
    np.testing.assert_array_equal(wide, free.clip(-0.1, 1.1))


# Putting together.


def test_compose_runs_the_steps_in_turn() -> None:
    given, generator = images(4, 1, 6, 6), rng()
    expected = noise(shift(rotate(given, generator), generator), generator)
    augment = compose(rotate, shift, noise)
    np.testing.assert_array_equal(augment(given, rng()), expected)
    again = pickle.loads(pickle.dumps(augment))
    np.testing.assert_array_equal(again(given, rng()), expected)


def test_compose_refuses_what_cannot_be_called() -> None:
    wrong: Any = shift(images(1, 1, 3, 3), rng())
    with pytest.raises(TypeError, match="compose: expected functions of images and a generator"):
        compose(rotate, wrong)


# Errors.

floats = np.zeros((2, 1, 4, 4))


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda: shift(np.zeros((4, 4)), rng()), ValueError, r"shift: .*\*spatial\), got \(4, 4\)"),
        (lambda: shift(floats, rng(), most=-1), ValueError, "shift: expected most of at least 0"),
        (lambda: shift(floats, rng(), most=1.5), TypeError, "integer"),  # type: ignore[arg-type]
        (lambda: rotate(floats[:, 0], rng()), ValueError, r"rotate: .*width\), got \(2, 4, 4\)"),
        (lambda: rotate(floats.astype(int), rng()), TypeError, "rotate: .* got int64; convert"),
        (lambda: rotate(floats, rng(), -1), ValueError, "expected degrees of at least 0, got -1"),
        (lambda: rotate(floats, rng(), np.nan), ValueError, "expected degrees .* got nan"),
        (lambda: noise(floats.astype(np.uint8), rng()), TypeError, "add_noise: .* got uint8"),
        (lambda: noise(floats[0, 0], rng()), ValueError, r"add_noise: .* got \(4, 4\)"),
        (lambda: add_noise(floats, rng(), np.inf), ValueError, "expected deviation .* got inf"),
        (lambda: noise(floats - 1, rng()), ValueError, r"within the limits \(0, 1\), got -1.0 to"),
        (lambda: noise(floats * np.nan, rng()), ValueError, "within the limits .* got nan"),
        *[
            (lambda step=step: step(floats, 0), TypeError, "expected a generator such as np.random")
            for step in (shift, rotate, noise)
        ],
    ],
)
def test_errors(action: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        action()
