"""The flat weights of cuDNN, as `jax.experimental.rnn` has them."""

from ._weights import dump as dump
from ._weights import load as load
from ._weights import network as network
