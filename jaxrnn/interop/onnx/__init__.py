"""Recurrent operators of ONNX as layers, and whole networks as ONNX models."""

from ._activation import Activation as Activation
from ._cells import GRU as GRU
from ._cells import LSTM as LSTM
from ._cells import RNN as RNN
from ._cells import GRUParams as GRUParams
from ._cells import LSTMParams as LSTMParams
from ._dump import dump as dump
from ._load import load as load
from ._network import network as network
from ._network import run_node as run_node
