"""What a compiled program sends between devices, and what of that is the batch."""

import re
from typing import NamedTuple

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

DEVICES, EACH = 2, 13
BATCH = DEVICES * EACH
"""13 divides no other size of the zoo, so an axis that it divides holds the batch, or a part."""

_OPERATIONS = (
    "all-gather",
    "all-reduce",
    "all-to-all",
    "collective-broadcast",
    "collective-permute",
    "ragged-all-to-all",
    "reduce-scatter",
)
_LINE = re.compile(rf"^\s*(?:ROOT )?%?\S+ = (.+?) ({'|'.join(_OPERATIONS)})(?:-start)?\(")


class Sent(NamedTuple):
    """An operation between devices: what it is, the shapes of its results, and what asked for it"""

    kind: str
    shapes: list[tuple[int, ...]]
    source: str


def sent(program: str) -> list[Sent]:
    """All operations between devices in the text of a compiled program."""
    found = []
    for line in program.splitlines():
        if match := _LINE.match(line):
            sizes = re.findall(r"\w\[([\d,]*)\]", match[1])
            shapes = [tuple(int(size) for size in s.split(",") if size) for s in sizes]
            source = re.search(r'op_name="([^"]*)"', line)
            found.append(Sent(match[2], shapes, source[1] if source else "nothing that is named"))
    return found


def batch_sent(program: str) -> list[Sent]:
    """Those that send a part of the batch; what is summed over it is another matter."""

    def holds_it(shapes):
        return any(size and size % EACH == 0 for sizes in shapes for size in sizes)

    return [one for one in sent(program) if one.kind != "all-reduce" or holds_it(one.shapes)]


def mesh():
    return jax.make_mesh((DEVICES,), ("data",), axis_types=(AxisType.Auto,))


def put(tree, spec=(), on=None):
    """The arrays on the devices of a mesh."""
    return jax.device_put(tree, NamedSharding(on or mesh(), PartitionSpec(*spec)))
