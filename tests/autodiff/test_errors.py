"""Bad input gets an error that names what was expected and what came: operands, labels, shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import Tensor, Value

Function = Callable[..., Any]
Errors = type[Exception] | tuple[type[Exception], ...]
EITHER = (TypeError, ValueError)


def x(*shape: int, label: str | None = None) -> Tensor:
    return Tensor(np.ones(shape), label=label)


W = x(4, 5, label="W")
B = x(3, label="b")
V = Value(2.0, label="v")
IMAGE = x(2, 3, 8, 9, label="image")
KERNEL = x(4, 3, 5, 5, label="kernel")

# fmt: off
TABLE: list[tuple[str, Function, Errors, str]] = [
    # name, call, error, what the message names; "a|b" is either
    # shapes
    ("add", lambda: W + B, ValueError, "add; 'W'; (4, 5); 'b'; (3,)"),
    ("array", lambda: W * np.ones(4), ValueError, "mul; 'W'; (4, 5); array; (4,)"),
    ("reflected", lambda: np.ones(4) / W, ValueError, "div; 'W'; (4, 5); (4,)"),
    ("power", lambda: W ** x(5, 4), ValueError, "pow; 'W'; (4, 5); (5, 4)"),
    ("maximum", lambda: ad.maximum(W, B), ValueError, "maximum; 'W'; (4, 5); (3,)"),
    ("where", lambda: ad.where(True, W, B), ValueError, "where; 'W'; (4, 5); (3,)"),
    ("where condition", lambda: ad.where([True, False], W, 0.0), ValueError,
     "where; (2,); 'W'; (4, 5)"),
    ("matmul", lambda: W @ x(4, 2), ValueError, "matmul; 'W'; (4, 5); (4, 2)"),
    ("matmul vector", lambda: W @ B, ValueError, "matmul; 'W'; (4, 5); (3,)"),
    ("matmul batch", lambda: x(2, 3, 4) @ x(3, 4, 5), ValueError, "matmul; (2, 3, 4); (3, 4, 5)"),
    ("matmul scalar", lambda: W @ V, ValueError, "matmul; 'W'; 'v' Value 2"),
    ("matmul number", lambda: 2.0 @ W, ValueError, "matmul; 2.0; 'W'"),
    ("matmul list", lambda: W @ [1.0], ValueError, "matmul; 'W'; (4, 5)"),
    ("reshape", lambda: W.reshape(3, 7), ValueError, "reshape; 'W'; (4, 5); (3,7)|(3, 7)"),
    ("reshape -1", lambda: W.reshape(3, -1), ValueError, "reshape; 'W'; (4, 5)"),
    ("broadcast_to", lambda: ad.broadcast_to(B, (4, 5)), ValueError,
     "broadcast_to; 'b'; (3,); (4,5)|(4, 5)"),
    ("transpose", lambda: ad.transpose(W, (0, 0)), ValueError, "transpose; (0, 0); 2"),
    ("transpose wraps", lambda: ad.transpose(W, (0, 3)), ValueError, "transpose; (0, 3); 2"),
    ("transpose range", lambda: ad.transpose(W, (0, 2)), ValueError, "transpose; (0, 2); 2"),
    ("transpose count", lambda: W.transpose(0, 1, 2), ValueError, "transpose; (0, 1, 2); 2"),
    ("concatenate", lambda: ad.concatenate([W, x(4, 2)]), ValueError,
     "concatenate; 'W'; (4, 5); (4, 2)"),
    ("concatenate ndim", lambda: ad.concatenate([W, B]), ValueError,
     "concatenate; 'W'; (4, 5); (3,)"),
    ("concatenate none", lambda: ad.concatenate([]), ValueError, "concatenate; at least one"),
    ("concatenate 0-d", lambda: ad.concatenate([V, V]), ValueError, "concatenate|axis; 0"),
    ("concatenate axis", lambda: ad.concatenate([W, W], 2), ValueError, "axis 2; 2"),
    ("concatenate axes", lambda: ad.concatenate([W, W], (0, 1)), EITHER, "axis; (0, 1)"),
    ("stack", lambda: ad.stack([W, B]), ValueError, "stack; (4, 5); (3,)"),
    ("stack none", lambda: ad.stack([]), ValueError, "stack; at least one|none|empty"),
    ("stack axis", lambda: ad.stack([B, B], 2), ValueError, "axis 2; 2"),
    ("pad", lambda: ad.pad(W, ((1, 1),) * 3), ValueError, "pad; (4, 5); ((1, 1), (1, 1), (1, 1))"),
    ("pad negative", lambda: ad.pad(W, -1), ValueError, "pad; negative; -1"),
    ("pad fraction", lambda: ad.pad(W, 1.5), EITHER, "pad; 1.5"),
    # axes
    ("sum axis", lambda: W.sum(axis=2), ValueError, "axis 2; 2"),
    ("sum negative axis", lambda: W.sum(axis=-3), ValueError, "axis -3; 2"),
    ("mean axis twice", lambda: W.mean(axis=(0, -2)), ValueError, "axis (0, -2); 2"),
    ("max of a scalar", lambda: ad.max(V, axis=0), ValueError, "axis 0; 0"),
    ("max of nothing", lambda: x(0, 2).max(axis=0), ValueError, "max; (0, 2)"),
    ("axis a list", lambda: W.sum(axis=[0]), EITHER, "axis; [0]"),
    ("axis a fraction", lambda: W.sum(axis=0.5), EITHER, "axis; 0.5"),
    ("logsumexp axis", lambda: ad.logsumexp(W, 7), ValueError, "axis 7; 2"),
    # indices
    ("index range", lambda: B[3], IndexError, "getitem; 'b'; (3,); 3"),
    ("index list range", lambda: W[[0, 9]], IndexError, "getitem; 'W'; (4, 5); 9"),
    ("too many indices", lambda: B[0, 0], IndexError, "getitem; 'b'; (3,)"),
    ("index a fraction", lambda: B[0.5], IndexError, "getitem; 'b'"),
    ("index text", lambda: B["a"], IndexError, "getitem; 'b'"),
    ("mask shape", lambda: B[[True, False]], IndexError, "getitem; 'b'; (3,)"),
    ("index real tensor", lambda: B[x(2)], IndexError, "getitem; 'b'"),
    # convolution
    ("conv channels", lambda: ad.conv(IMAGE, x(4, 2, 5, 5)), ValueError,
     "conv; 'image'; (2, 3, 8, 9); (4, 2, 5, 5); 2 channels"),
    ("conv large", lambda: ad.conv(IMAGE, x(4, 3, 9, 5)), ValueError,
     "conv; 'image'; 9×5; 8×9; larger"),
    ("conv dilated", lambda: ad.conv(IMAGE, KERNEL, dilation=2), ValueError,
     "'image'; 'kernel'; 9×9; 8×9"),
    ("conv padded", lambda: ad.conv(x(1, 1, 2), x(1, 1, 7), padding=2), ValueError,
     "conv; 7; 6; padding 2"),
    ("conv dimensions", lambda: ad.conv(IMAGE, x(4, 3, 5)), ValueError,
     "conv; (2, 3, 8, 9); (4, 3, 5)"),
    ("conv 3-D", lambda: ad.conv(x(1, 1, 2, 2, 2), x(1, 1, 1, 1, 1)), ValueError,
     "conv; (1, 1, 2, 2, 2)"),
    ("conv matrix", lambda: ad.conv(W, W), ValueError, "conv; 'W'; (4, 5)"),
    ("conv scalar", lambda: ad.conv(V, KERNEL), ValueError, "conv; 'v'; 'kernel'"),
    ("conv groups", lambda: ad.conv(IMAGE, x(4, 1, 3, 3), groups=2), ValueError,
     "conv; 'image'; 2 group; got 3"),
    ("conv groups of out", lambda: ad.conv(IMAGE, x(4, 1, 3, 3), groups=3), ValueError,
     "conv; 3 group; got 4"),
    ("conv groups 0", lambda: ad.conv(IMAGE, KERNEL, groups=0), ValueError, "conv; 0"),
    ("conv groups text", lambda: ad.conv(IMAGE, KERNEL, groups="2"), EITHER, "group"),
    ("conv stride 0", lambda: ad.conv(IMAGE, KERNEL, stride=0), ValueError, "stride; positive; 0"),
    ("conv stride count", lambda: ad.conv(IMAGE, KERNEL, stride=(1, 1, 1)), ValueError,
     "stride; 2; (1, 1, 1)"),
    ("conv stride real", lambda: ad.conv(IMAGE, KERNEL, stride=1.5), EITHER, "stride; 1.5"),
    ("conv dilation", lambda: ad.conv(IMAGE, KERNEL, dilation=-1), ValueError, "dilation; -1"),
    ("conv padding", lambda: ad.conv(IMAGE, KERNEL, padding=-1), ValueError, "padding; -1"),
    ("conv bias", lambda: ad.conv(x(1, 1, 3, 3), x(2, 1, 2, 2), B), ValueError,
     "conv; bias; (2,); 'b'; (3,)"),
    ("conv padding text", lambda: ad.conv(IMAGE, KERNEL, padding="full"), ValueError,
     "padding; same; valid; full"),
    ("conv padding count", lambda: ad.conv(IMAGE, KERNEL, padding=(1,)), ValueError,
     "padding; 2; (1,)"),
    ("conv padding real", lambda: ad.conv(IMAGE, KERNEL, padding=0.5), EITHER, "padding; 0.5"),
    ("conv no kernel", lambda: ad.conv(IMAGE, x(0, 3, 3, 3)), ValueError, "conv; at least one"),
    ("conv empty kernel", lambda: ad.conv(IMAGE, x(4, 3, 0, 2)), ValueError, "conv; (4, 3, 0, 2)"),
    # pooling, windows
    ("pool of border", lambda: ad.max_pool(IMAGE, 2, padding=2), ValueError,
     "max_pool; 'image'; padding of 2; 2×2"),
    ("pool of text", lambda: ad.max_pool([["a"]], 2), TypeError, "real numbers"),
    ("pool large", lambda: ad.max_pool(IMAGE, 9), ValueError, "max_pool; 'image'; 9×9; 8×9"),
    ("pool padded", lambda: ad.sum_pool(IMAGE, 12, padding=1), ValueError,
     "sum_pool; 12×12; 10×11; padding 1"),
    ("pool size", lambda: ad.average_pool(IMAGE, 0), ValueError, "size; 0"),
    ("pool size count", lambda: ad.max_pool(IMAGE, (2,)), ValueError, "size; 2; (2,)"),
    ("pool stride", lambda: ad.max_pool(IMAGE, 2, stride=-2), ValueError, "stride; -2"),
    ("pool padding", lambda: ad.max_pool(IMAGE, 2, padding="x"), ValueError, "padding; x"),
    ("pool ties", lambda: ad.max_pool(IMAGE, 2, ties="both"), ValueError,
     "ties; first; split; both"),
    ("pool matrix", lambda: ad.max_pool(W, 2), ValueError, "max_pool; 'W'; (4, 5)"),
    ("pool scalar", lambda: ad.average_pool(V, 2), ValueError, "average_pool; 'v'"),
    ("windows large", lambda: ad.windows(B, 4), ValueError, "windows; 'b'; 4; 3"),
    ("windows dilated", lambda: ad.windows(B, 2, dilation=3), ValueError, "windows; 'b'; 4; 3"),
    ("windows rank", lambda: ad.windows(B, (2, 2)), ValueError, "windows; 'b'; (3,); 2"),
    ("windows size", lambda: ad.windows(B, 0), ValueError, "size; 0"),
    ("windows stride", lambda: ad.windows(B, 2, stride=0), ValueError, "stride; 0"),
    # data
    ("text", lambda: Tensor(["a", "b"]), TypeError, "real numbers; <U1"),
    ("complex", lambda: Tensor([1j]), TypeError, "real numbers; complex"),
    ("ragged", lambda: Tensor([[1.0], [1.0, 2.0]]), TypeError, "real numbers; shape"),
    ("objects", lambda: Tensor([object()]), TypeError, "real numbers; object"),
    ("None", lambda: Tensor(None), TypeError, "real numbers; NoneType"),
    ("array to a Value", lambda: Value(np.ones(3)), TypeError, "Value; (3,); Tensor"),
    ("text to a Value", lambda: Value("3"), TypeError, "real numbers; str"),
    ("operand text", lambda: ad.add(V, "3"), TypeError, "add; real numbers; str"),
    ("operand None", lambda: ad.sin(None), TypeError, "sin; real numbers; NoneType"),
    ("operand complex", lambda: W * 1j, TypeError, "mul; complex"),
    ("assign", lambda: W.assign(np.ones(3)), ValueError, "'W'; (4, 5); (3,)"),
    ("assign to a result", lambda: (W + 1).assign(np.ones(3)), ValueError, "leaf; (4, 5); add"),
    ("grad shape", lambda: setattr(W, "grad", np.ones(3)), ValueError, "'W'; (4, 5); (3,)"),
    # differentiating
    ("no seed", lambda: (W * 2).backward(), ValueError, "(4, 5); seed; sum"),
    ("seed shape", lambda: W.backward(np.ones(3)), ValueError, "'W'; (4, 5); (3,)"),
    ("seed text", lambda: V.backward("1"), TypeError, "real numbers; str"),
    ("integers", lambda: Tensor([1, 2], label="n").backward([1, 1]), TypeError, "'n'; int64"),
    ("grad of an array", lambda: ad.grad(lambda t: t * 2)(np.ones((2, 3))), ValueError,
     "(2, 3); one number"),
    ("grad of constants", lambda: ad.grad(lambda t: np.ones(3))(1.0), ValueError,
     "one number; (3,)|ndarray"),
    ("grad of a tuple", lambda: ad.grad(lambda t: (t, t))(1.0), EITHER, "one number; tuple"),
    ("grad of None", lambda: ad.grad(lambda t: None)(1.0), EITHER, "one number; None"),
    ("grad of text", lambda: ad.grad(lambda t: "a")(1.0), EITHER, "one number; str"),
    ("argnum", lambda: ad.grad(lambda t: t, 1)(1.0), ValueError, "argument 1; 1 positional"),
    ("argnum negative", lambda: ad.grad(lambda t: t, -2)(1.0), ValueError,
     "argument -2; 1 positional"),
    ("argnums", lambda: ad.grad(lambda t: t, (0, 3))(1.0), ValueError, "argument 3; 1 positional"),
    ("integer argument", lambda: ad.grad(ad.sum)(np.arange(3)), TypeError,
     "argument 0; int64; float"),
    ("integer node", lambda: ad.grad(ad.sum)(Tensor([1, 2])), TypeError,
     "argument 0; (2,); integer"),
    ("text argument", lambda: ad.grad(lambda t: t)("a"), TypeError, "real numbers; str"),
    ("jvp shape", lambda: ad.jvp(ad.sum, (np.ones(3),), (np.ones(2),)), ValueError, "(3,); (2,)"),
    ("jvp scalar", lambda: ad.jvp(ad.sin, (1.0,), (np.ones(2),)), ValueError, "(2,)"),
    ("jvp count", lambda: ad.jvp(ad.mul, (1.0, 2.0), (1.0,)), ValueError, "2; 1"),
    ("jvp text", lambda: ad.jvp(ad.sin, (1.0,), ("a",)), TypeError, "real numbers; str"),
    ("jvp of text", lambda: ad.jvp(lambda t: (t, "a"), (1.0,), (1.0,)), EITHER, "numbers; str 'a'"),
    ("jvp of a number", lambda: ad.jvp(ad.sin, 1.0, 1.0), TypeError, "jvp; tuple"),
    ("float in grad", lambda: ad.grad(math.sin)(1.0), TypeError,
     "float(); Value 1; autodiff; .data"),
    ("int in grad", lambda: ad.grad(lambda t: t * int(t))(1.0), TypeError, "int(); Value 1"),
    # nodes
    ("to an array", lambda: np.asarray(W), TypeError, "'W'; (4, 5); .data"),
    ("node in a Tensor", lambda: Tensor([V, V]), TypeError, "'v'; stack"),
    ("iterate over 0-d", lambda: list(Tensor(1.0, label="s")), TypeError, "'s'; axis"),
    ("data of a result", lambda: setattr(V * 2, "data", 1.0), ValueError, "leaf; mul"),
]
# fmt: on


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [pytest.param(call, error, named, id=name) for name, call, error, named in TABLE],
)
def test_the_error_names_what_came(call: Function, error: Errors, named: str) -> None:
    with pytest.raises(error) as raised:
        call()
    message = str(raised.value)
    for text in named.split("; "):
        assert any(choice in message for choice in text.split("|")), f"{text!r} not in {message!r}"


def test_errors_leave_no_trace() -> None:
    """After all of these, the nodes they were about are as before, and recording is on."""
    for _, call, _, _ in TABLE:
        with suppress(Exception):
            call()
    for node in (W, B, V, IMAGE, KERNEL):
        assert not node.has_adjoint
        assert node.is_leaf
    assert ad.is_recording()
    assert type(ad.grad(ad.sin)(0.0)) is float


def test_a_rule_that_fails_keeps_its_error() -> None:
    """Errors in a function that is being differentiated are the caller's own."""

    def f(t: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ad.grad(f)(1.0)
    with pytest.raises(TypeError, match="positional"):
        ad.grad(lambda t, u: t)(1.0)


MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])


@pytest.mark.parametrize("node", [Value(2.0), Tensor([1.0, 2.0, 3.0])], ids=["Value", "Tensor"])
@pytest.mark.parametrize(
    "call",
    [
        lambda node: node + MASKED,
        lambda node: MASKED + node,
        lambda node: MASKED / node,
        lambda node: np.ma.add(MASKED, node),
        lambda node: ad.where(True, node, MASKED),
        lambda node: node * np.eye(3).view(np.matrix),
        lambda node: np.eye(3).view(np.matrix) * node,
    ],
)
def test_arrays_with_rules_of_their_own_are_refused(call: Function, node: ad.Node) -> None:
    with pytest.raises(TypeError, match=r"masked|matrix"):
        call(node)
