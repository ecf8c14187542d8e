"""Networks: from sequence to sequence."""

from ._layer import Layer as Layer
