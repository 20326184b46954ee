"""The instructions that kernels are written in where a compiler would not find them by itself.

Numbers are worked on in vectors, as many side by side as a register of AVX has, or one of AVX-512
where there is that; LLVM divides them up where registers are shorter. The last vector of a row may
be a part of one: a mask says which of its lanes exist, and no others are read or written.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils

BYTES = 32
"""The length of a vector, where a longer one would be half empty."""
_WITH_AVX512 = binding.get_host_cpu_features().get("avx512f", False)
LONGEST = 64 if _WITH_AVX512 else BYTES
"""The length of the longest vector."""
REGISTERS = 32 if _WITH_AVX512 else 16
"""How many vectors of either length a processor holds."""

INT = ir.IntType(64)
_LANE = ir.IntType(32)


class Emitter:
    """Writes instructions on vectors of one type of numbers.

    Args:
        bits: of a number, 32 or 64.
        context: of numba.
        builder: of llvmlite, at the place where the instructions belong.
        length: of a vector, in bytes.
    """

    def __init__(self, bits: int, context: Any, builder: Any, length: int = BYTES) -> None:
        self.context, self.builder = context, builder
        self.bytes, self.length = bits // 8, length
        self.lanes = length // self.bytes
        self.number = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.lanes)
        self._choice = ir.VectorType(ir.IntType(1), self.lanes)
        self._kind = f"v{self.lanes}f{bits}"

    def address(self, kind: Any, array: Any, place: Any = None) -> Any:
        """Where an element of a flat array is, as a whole number."""
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        start = self.builder.ptrtoint(data, INT)
        return start if place is None else self.moved(start, place)

    def moved(self, address: Any, count: Any) -> Any:
        """An address so many numbers further on."""
        return self.builder.add(address, self.builder.mul(count, INT(self.bytes)))

    def mask(self, count: Any) -> Any:
        """The choice of the first lanes."""
        return self.builder.icmp_signed("<", _constants(INT, range(self.lanes)), self.spread(count))

    def load(self, address: Any, v: int = 0, mask: Any = None) -> Any:
        """The vector ``v`` behind an address."""
        place = self._place(address, v)
        if mask is None:
            loaded = self.builder.load(place)
            loaded.align = self.bytes
            return loaded
        kind = ir.FunctionType(self.vector, [place.type, _LANE, self._choice, self.vector])
        nothing = _constants(self.number, [0.0] * self.lanes)
        function = self._function("masked.load", kind, f"{self._kind}.p0")
        return self.builder.call(function, [place, _LANE(self.bytes), mask, nothing])

    def store(self, vector: Any, address: Any, v: int = 0, mask: Any = None) -> None:
        """Write the vector ``v`` behind an address."""
        place = self._place(address, v)
        if mask is None:
            self.builder.store(vector, place).align = self.bytes
            return
        kind = ir.FunctionType(ir.VoidType(), [self.vector, place.type, _LANE, self._choice])
        function = self._function("masked.store", kind, f"{self._kind}.p0")
        self.builder.call(function, [vector, place, _LANE(self.bytes), mask])

    def stream(self, vector: Any, address: Any, v: int = 0) -> None:
        """Like ``store``, past the caches, to a multiple of its length; others may see it late."""
        stored = self.builder.store(vector, self._place(address, v))
        stored.align = self.length
        stored.set_metadata("nontemporal", self.builder.module.add_metadata([_LANE(1)]))

    def place_of(self, kind: Any, array: Any, place: Any) -> Any:
        """Where some whole numbers of 32 bits are, one for each lane, in a flat array of them."""
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        whole = ir.VectorType(_LANE, self.lanes).as_pointer()
        return self.builder.bitcast(self.builder.gep(data, [place]), whole)

    def load_places(self, place: Any, mask: Any) -> Any:
        """Read whole numbers; 0 in the lanes that don't exist."""
        whole = ir.VectorType(_LANE, self.lanes)
        kind = ir.FunctionType(whole, [place.type, _LANE, self._choice, whole])
        function = self._function("masked.load", kind, f"v{self.lanes}i32.p0")
        nothing = _constants(_LANE, [0] * self.lanes)
        return self.builder.call(function, [place, _LANE(4), mask, nothing])

    def store_places(self, vector: Any, place: Any, mask: Any) -> None:
        """Write whole numbers."""
        kind = ir.FunctionType(ir.VoidType(), [vector.type, place.type, _LANE, self._choice])
        function = self._function("masked.store", kind, f"v{self.lanes}i32.p0")
        self.builder.call(function, [vector, place, _LANE(4), mask])

    def number_at(self, address: Any) -> Any:
        """A single number, in every lane."""
        place = self.builder.inttoptr(address, self.number.as_pointer())
        return self.spread(self.builder.load(place))

    def spread(self, value: Any) -> Any:
        """A number in every lane."""
        empty = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(empty, value, _LANE(0))
        return self.builder.shuffle_vector(first, empty, _constants(_LANE, [0] * self.lanes))

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """X · y + z, rounded once."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(self._function("fma", kind, self._kind), [x, y, z])

    def _place(self, address: Any, v: int) -> Any:
        address = self.builder.add(address, INT(self.length * v))
        return self.builder.inttoptr(address, self.vector.as_pointer())

    def _function(self, name: str, kind: Any, suffix: str) -> Any:
        name = f"llvm.{name}.{suffix}"
        return cgutils.get_or_insert_function(self.builder.module, kind, name)


def _constants(kind: Any, values: Any) -> Any:
    numbers = [ir.Constant(kind, value) for value in values]
    return ir.Constant(ir.VectorType(kind, len(numbers)), numbers)
