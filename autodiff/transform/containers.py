"""Arguments and results that are containers: dicts, lists, tuples, named tuples, data classes.

A container is flattened into its leaves and built again from as many others, by the pytree library
``optree``. Numbers, arrays and nodes are no containers, and never wait for that library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from autodiff.arrays import real_array
from autodiff.graph import Node, bare, describe, is_differentiable

NAMESPACE = "autodiff"
"""Where container types are looked up, besides those that optree knows everywhere."""

PLAIN = (Node, float, int, np.ndarray, np.generic)
"""What is a leaf without asking."""

_registering = threading.Lock()


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a container, and its structure; that is None if it is a leaf itself.

    ``None`` within a container belongs to its structure. A data class is a container of its fields.
    """
    if isinstance(tree, PLAIN):
        return [tree], None
    import optree

    while True:
        leaves, structure = optree.tree_flatten(tree, namespace=NAMESPACE)
        found = {type(leaf) for leaf in leaves if is_dataclass(leaf) and not isinstance(leaf, type)}
        if not found:
            return leaves, structure
        for kind in found:
            _register(kind)


def unflatten(structure: Any, leaves: Sequence[Any]) -> Any:
    """The container of a structure and its leaves."""
    if structure is None:
        return leaves[0]
    import optree

    return optree.tree_unflatten(structure, leaves)


def flatten_like(structure: Any, tree: Any, what: str) -> list[Any]:
    """What stands in ``tree`` where a container of this structure has its leaves.

    Raises:
        ValueError: the container has another structure; the message says ``what`` it is.
    """
    if structure is None:
        return [tree]
    try:
        return structure.flatten_up_to(tree)  # type: ignore[no-any-return]
    except ValueError as fault:
        raise ValueError(f"{what} has another structure than expected: {fault}") from None


def paths(tree: Any, root: str) -> list[str]:
    """How to get from ``root`` to each leaf, as Python writes it: ``root['w'][2]``."""
    if isinstance(tree, PLAIN):
        return [root]
    import optree

    accessors = optree.tree_accessors(tree, namespace=NAMESPACE)
    return [accessor.codify(root) for accessor in accessors]


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """The container with ``function`` applied to each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def holds_node(tree: Any) -> bool:
    """Whether a node that can be differentiated is among the leaves."""
    if isinstance(tree, PLAIN):
        return is_differentiable(tree)
    return any(map(is_differentiable, flatten(tree)[0]))


def is_real_leaf(leaf: Any, tree: Any, k: int, root: str) -> bool:
    """Whether leaf ``k`` of a container is differentiated: a real floating-point number or array.

    Integers, booleans, text and other objects are constants.

    Raises:
        TypeError: the leaf is complex; the message names its path.
    """
    if isinstance(leaf, Node):
        return is_differentiable(leaf)
    if isinstance(leaf, complex) or (
        isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype.kind == "c"
    ):
        try:
            real_array(leaf)
        except TypeError as fault:
            raise TypeError(f"{paths(tree, root)[k]}: {fault}") from None
    if isinstance(leaf, (np.ndarray, np.generic)):
        return leaf.dtype.kind == "f"
    return isinstance(leaf, float)


def handed_out(leaf: Any) -> Any:
    """A leaf as a caller outside of any transform gets it: a float, or an array of their own."""
    if not isinstance(leaf, Node):
        return leaf
    data = bare(leaf)
    return np.array(data) if isinstance(data, np.ndarray) else data


def require_numbers(leaf: Any) -> None:
    """Refuse an output that is no number and no array.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(leaf, Node):
        return
    if not isinstance(leaf, (int, float, np.number, np.bool_, np.ndarray)):
        raise TypeError(
            "expected a function that returns numbers or arrays, or containers of them, got "
            f"{describe(leaf)}"
        )


def _register(kind: Any) -> None:
    """Make a data class a container of its fields.

    It is built again without its ``__init__``: fields may hold nodes, or None where there is no
    gradient, which a user's own checks need not know about.
    """
    import optree

    names = tuple(field.name for field in fields(kind))

    def parts(instance: Any) -> Any:
        return [getattr(instance, name) for name in names], None, names

    def built(_: Any, values: Any) -> Any:
        instance = object.__new__(kind)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(instance, name, value)
        return instance

    with _registering:
        try:
            optree.register_pytree_node(
                kind, parts, built, namespace=NAMESPACE, path_entry_type=optree.GetAttrEntry
            )
        except ValueError:
            return  # another thread was faster
