"""Convolutions with learned kernels, and their transposes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff.graph import Operand
from autodiff.kernels.windows import Sizes, by
from autodiff.ops.spatial import Padding, per_axis
from nn.checks import whole
from nn.initialisers import Initialiser, first_values, lecun_uniform
from nn.layers.windows import Windowed
from nn.module import Parameter


class Convolution(Windowed):
    """What convolutions of all kinds have in common: kernels, a bias, and groups.

    A unit has channels / groups · size inputs, and an input is read by outputs / groups · size
    units; these are the fans of the first weights, as if the stride were 1.

    Attributes:
        channels: of the input.
        outputs: the channels of the output.
        groups: how many groups of channels there are that don't see each other.
        flip: whether it is true convolution.
        weight: the kernels.
        bias: (outputs,), or None.
    """

    steady = True
    transposed: ClassVar[bool] = False

    def __init__(
        self,
        channels: int,
        outputs: int,
        size: int | Sizes,
        *,
        stride: int | Sizes = 1,
        padding: Padding = 0,
        dilation: int | Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        flip: bool = False,
        initialiser: Initialiser = lecun_uniform,
        dtype: DTypeLike = "float32",
        generator: np.random.Generator,
    ) -> None:
        name = type(self).__name__
        self.channels, self.outputs, self.groups = (
            whole(f"{name}: each of channels, outputs and groups", n)
            for n in (channels, outputs, groups)
        )
        super().__init__(size, stride, padding, dilation)
        if channels % groups or outputs % groups:
            raise ValueError(
                f"{name}: {groups} group(s) must divide {channels} channels and {outputs} outputs"
            )
        self.flip = flip
        seen, seeing = self.channels // self.groups, self.outputs // self.groups
        kernels = (self.channels, seeing) if self.transposed else (self.outputs, seen)
        self.weight = first_values(
            initialiser,
            (*kernels, *self.size),
            fan_in=seen * prod(self.size),
            fan_out=seeing * prod(self.size),
            generator=generator,
            dtype=dtype,
            label="conv.weight",
        )
        self.bias = (
            Parameter(np.zeros(self.outputs, dtype), "bias", label="conv.bias") if bias else None
        )

    def forward(self, x: Operand) -> Any:
        self._check(x, self.channels)
        return ad.conv(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            flip=self.flip,
        )


class Conv2d(Convolution):
    """Cross-correlation of images with learned kernels, plus a bias per output channel.

    Args:
        channels: of the input.
        outputs: how many kernels, the channels of the output.
        size: of a kernel, one number or (height, width).
        stride: distance of neighbouring outputs, one number or one per axis.
        padding: zeros around the input: a number, for each axis a number or a pair (before, after),
            "valid" for none, or "same" for as many as give ceil(length / stride) outputs.
        dilation: distance of neighbouring kernel elements.
        groups: the channels fall into this many groups that don't see each other.
        bias: whether there is one; it starts at 0.
        flip: true convolution, with the kernels flipped.
        initialiser: of the kernels, see ``nn.initialisers``.
        dtype: of the parameters.
        generator: of the first weights, uniform in ±sqrt(3 / inputs of a unit) by default.

    Shapes:
        (n, channels, height, width) to (n, outputs, height', width'); the kernels are
        (outputs, channels / groups, *size).

    Raises:
        ValueError: the arguments don't fit each other, or the input has another shape or is smaller
            than a kernel.

    Example:
        >>> import numpy as np
        >>> from nn import Conv2d
        >>> Conv2d(1, 20, 5, generator=np.random.default_rng(0))(np.ones((2, 1, 28, 28))).shape
        (2, 20, 24, 24)
    """

    rank = 2


class Conv1d(Convolution):
    """Cross-correlation of sequences with learned kernels; arguments as for ``Conv2d``.

    Shapes:
        (n, channels, length) to (n, outputs, length'); the kernels are
        (outputs, channels / groups, size).

    Example:
        >>> import numpy as np
        >>> from nn import Conv1d
        >>> layer = Conv1d(1, 4, 3, padding="same", generator=np.random.default_rng(0))
        >>> layer(np.ones((2, 1, 8))).shape
        (2, 4, 8)
    """

    rank = 1


class TransposedConvolution(Convolution):
    """What transposed convolutions have in common.

    Attributes:
        output_padding: how much longer the output is at its end, per axis.
    """

    steady = True
    transposed = True

    def __init__(
        self,
        channels: int,
        outputs: int,
        size: int | Sizes,
        *,
        stride: int | Sizes = 1,
        padding: Padding = 0,
        output_padding: int | Sizes = 0,
        dilation: int | Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        flip: bool = False,
        initialiser: Initialiser = lecun_uniform,
        dtype: DTypeLike = "float32",
        generator: np.random.Generator,
    ) -> None:
        super().__init__(
            channels,
            outputs,
            size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            flip=flip,
            initialiser=initialiser,
            dtype=dtype,
            generator=generator,
        )
        name = type(self).__name__
        self.output_padding = per_axis(f"{name}: output_padding", output_padding, self.rank)
        limits = tuple(map(max, self.stride, self.dilation))
        if len(self.output_padding) != self.rank or any(
            n not in range(limit) for n, limit in zip(self.output_padding, limits, strict=True)
        ):
            raise ValueError(
                f"{name}: output_padding takes whole numbers less than the stride {self.stride} or "
                f"the dilation {self.dilation}, got {output_padding!r}"
            )

    def positions(self, spatial: Sequence[int]) -> Sizes:
        """The spatial lengths of the output, for those of an input.

        They are (length - 1) · stride - before - after + extent + output_padding; with the padding
        "same" it is length · stride that is left if the kernel reaches so far.

        Raises:
            ValueError: nothing is left.
        """
        excess = tuple(max(e - s, 0) for e, s in zip(self.extent, self.stride, strict=True))
        cut = excess if self.padding == "same" else tuple(map(sum, self.padding))
        lengths = tuple(
            (n - 1) * s + e - c + more if n else 0
            for n, s, e, c, more in zip(
                spatial, self.stride, self.extent, cut, self.output_padding, strict=True
            )
        )
        if min(lengths) < 1:
            raise ValueError(
                f"{type(self).__name__}: padding {self.padding} leaves nothing of the output of an "
                f"input of {by(spatial)}"
            )
        return lengths

    def forward(self, x: Operand) -> Any:
        self._check(x, self.channels)
        return ad.conv_transpose(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
            flip=self.flip,
        )


class ConvTranspose2d(TransposedConvolution):
    """The transpose of a ``Conv2d`` as a layer: from small images to large ones.

    The lengths that ``Conv2d(outputs, channels, size, ...)`` maps, this layer maps back. See
    ``autodiff.conv_transpose`` for the formula.

    Args:
        channels: of the input.
        outputs: the channels of the output.
        size: of a kernel, one number or (height, width).
        stride: the distance at which neighbouring inputs are written.
        padding: what is cut off before and after each axis; "same" gives length · stride.
        output_padding: how much longer the output is at its end; less than the stride or the
            dilation.
        dilation: distance of neighbouring kernel elements.
        groups: the channels fall into this many groups that don't see each other.
        bias: whether there is one; it starts at 0.
        flip: the transpose of true convolution.
        initialiser: of the kernels, see ``nn.initialisers``.
        dtype: of the parameters.
        generator: of the first weights, uniform in ±sqrt(3 / inputs of a unit) by default.

    Shapes:
        (n, channels, height, width) to (n, outputs, height', width'); the kernels are
        (channels, outputs / groups, *size). Along each axis there are
        (length - 1) · stride - 2 padding + (size - 1) · dilation + 1 + output_padding outputs.

    Raises:
        ValueError: the arguments don't fit each other, or the input has another shape.

    Example:
        >>> import numpy as np
        >>> from nn import ConvTranspose2d
        >>> rng = np.random.default_rng(0)
        >>> layer = ConvTranspose2d(8, 3, 4, stride=2, padding=1, generator=rng)
        >>> layer(np.ones((2, 8, 7, 7))).shape
        (2, 3, 14, 14)
    """

    rank = 2


class ConvTranspose1d(TransposedConvolution):
    """The transpose of a ``Conv1d`` as a layer; arguments as for ``ConvTranspose2d``.

    Shapes:
        (n, channels, length) to (n, outputs, length'); the kernels are
        (channels, outputs / groups, size).
    """

    rank = 1
