"""The Reber grammars, as streams of strings."""

import numpy as np

from ._hmm import HMM

_SYMBOLS = {letter: number for number, letter in enumerate("BTSXPVE")}
# From each state the symbols that may come, and where they lead; the last one leads out.
_GRAMMAR = ("B1", "T2 P3", "S2 X4", "T3 V5", "X3 S6", "P4 V6", "E7")
_OUT = len(_GRAMMAR)


def reber() -> HMM:
    """Strings of Reber's grammar, one after another, from `B` to `E`; every choice is 1/2.

    Symbols are numbered as in `BTSXPVE`. A string has 8 symbols in the mean and 6 bits, so that the
    entropy rate is 3/4 bit; the grammar is a finite machine, so that an n-gram of some order comes
    close. What may come next is `source.filter(symbols).log_probs > -inf`.

    Reference:
        A. Reber, Journal of Verbal Learning and Verbal Behavior 6 (1967).

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> symbols = np.array(["BTSXPVE".index(letter) for letter in "BTXSEB"])
        >>> print(np.exp(-tasks.reber().surprisal(symbols)).round(3))
        [1.  0.5 0.5 0.5 1.  1. ]
    """
    transitions = np.zeros((len(_SYMBOLS), _OUT, _OUT))
    for state, symbol, share, after in _arcs():
        transitions[symbol, state, after % _OUT] = share
    return HMM(transitions, np.eye(_OUT)[0])


def embedded_reber() -> HMM:
    """Strings of the embedded Reber grammar, one after another.

    A string is `B`, then `T` or `P`, then a string of `reber()`, then the same `T` or `P` again,
    then `E`. To know that last choice, a model has to remember the first one over a string of any
    length. A string has 12 symbols in the mean and 7 bits: the entropy rate is 7/12 bit.

    Reference:
        S. Hochreiter & J. Schmidhuber, Neural Computation 9 (1997), experiment 1.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> symbols = np.array(["BTSXPVE".index(letter) for letter in "BPBTXSEPE"])
        >>> print(np.exp(-tasks.embedded_reber().surprisal(symbols)).round(3))
        [1.  0.5 1.  0.5 0.5 0.5 1.  1.  1. ]
    """
    # States: 0 and 1 begin a string, 2 ends it, then for each of T and P the inner string and 1.
    size = 3 + 2 * (_OUT + 1)
    transitions = np.zeros((len(_SYMBOLS), size, size))
    transitions[_SYMBOLS["B"], 0, 1] = transitions[_SYMBOLS["E"], 2, 0] = 1
    for first, letter in ((3, "T"), (3 + _OUT + 1, "P")):
        transitions[_SYMBOLS[letter], 1, first] = 1 / 2
        for state, symbol, share, after in _arcs():
            transitions[symbol, first + state, first + after] = share
        transitions[_SYMBOLS[letter], first + _OUT, 2] = 1
    return HMM(transitions, np.eye(size)[0])


def _arcs() -> list[tuple[int, int, float, int]]:
    """From which state which symbol comes how often, and leads where."""
    choices = [arcs.split() for arcs in _GRAMMAR]
    return [
        (state, _SYMBOLS[arc[0]], 1 / len(arcs), int(arc[1]))
        for state, arcs in enumerate(choices)
        for arc in arcs
    ]
