"""Facts about chains of states and the words they emit, for numpy and for jax.numpy alike."""

import math
from typing import Any

import numpy as np

from ._probabilities import entropy, numbers

LIMIT = 2**24  # numbers held at once: 128 MiB in float64
WORK = 2**26  # numbers gone through in all, of which a step counts as a thousand at least
SETTLED = 256  # steps after which a chain that has not come to rest hardly ever does


def stationary(who: str, moves: Any) -> Any:
    """The one distribution that the matrix `moves[from, to]` leaves as it is.

    Raises:
        ValueError: there are several. Where the matrix is traced they are NaN.
    """
    xp, moves = numbers(moves)
    size = len(moves)
    reach = (moves > 0) | xp.eye(size, dtype=bool)
    for _ in range(math.ceil(math.log2(size))):
        reach = (reach.astype(moves.dtype) @ reach.astype(moves.dtype)) > 0
    # There is one exactly where some state is reached from all.
    unique = reach.all(0).any()
    if xp is np and not unique:
        raise ValueError(
            f"{who}: there is no unique stationary distribution, for the states "
            f"{' and '.join(map(str, _closed(reach)))} are never left once they are entered, and "
            "what is seen depends on where it starts. Give `initial=` to sample and to filter; for "
            "entropies make one source of each such part."
        )
    identity = xp.eye(size, dtype=moves.dtype)
    balance = xp.concatenate([(moves.T - identity)[:-1], xp.ones((1, size), moves.dtype)])
    solution = xp.linalg.solve(xp.where(unique, balance, identity), identity[-1])
    return xp.where(unique, xp.maximum(solution, 0), xp.nan)


def _closed(reach: np.ndarray) -> list[set[int]]:
    """The sets of states that are never left."""
    closed = (~reach | reach.T).all(1)
    return [set(map(int, np.nonzero(row)[0])) for row in np.unique(reach[closed], axis=0)]


def conditional_entropies(who: str, transitions: Any, start: Any, length: int) -> Any:
    """`H(X[n] | X[0], ..., X[n-1], K)` for `n < length`, where `start[k]` is `p(K=k) p(state | k)`.

    Words after which the states are equally likely have the same future: in numpy they are joined,
    so that a machine that synchronises needs a handful of rows, and not one for each word. Once
    the rows come to rest, so does the entropy, however long the words.
    """
    xp, transitions = numbers(transitions)
    vocab, states = transitions.shape[:2]
    if length > LIMIT:
        raise ValueError(
            f"{who}: a length of {length:,} has as many entropies, above the limit of {LIMIT:,}. "
            "They come to rest long before: take a shorter one."
        )
    emit = xp.reshape(xp.swapaxes(transitions, 0, 1), (states, vocab * states))
    values: list[Any] = []
    work = 0
    for seen in range(length):
        size = len(start) * vocab * states
        cost = max(size, 2**10 if xp is np else 2**16)
        work += cost
        ahead = cost * (length - seen) if seen > SETTLED else 0
        if size > LIMIT or work + ahead > WORK:
            whole = f", and all of {length:,} lengths {work + ahead:,} at least, above {WORK:,}"
            excess = f", above the limit of {LIMIT:,}" if size > LIMIT else whole
            raise ValueError(
                f"{who}: blocks of {seen + 1} out of {vocab} symbols take {size:,} numbers{excess}."
                f" Take a length of at most {seen}, or estimate the entropy rate by the mean of "
                "`source.surprisal(source.sample(...))`."
            )
        joint = xp.reshape(start @ emit, (-1, vocab, states))
        word, before = joint.sum(-1), start.sum(-1)
        # Divided first: where `before` is 0, so is `word`.
        share = word / xp.where(before > 0, before, 1)[:, None]
        values.append(before @ entropy(xp, share))
        previous, start = start, xp.reshape(joint, (-1, states))
        if xp is np:
            start = _joined(start)
            if previous.shape == start.shape and np.abs(previous - start).max() < 1e-15:
                return np.append(values, np.full(length - seen - 1, values[-1]))
    return xp.stack(values)


def _joined(rows: np.ndarray) -> np.ndarray:
    """The sums of rows that are multiples of one another, without those that hardly ever occur."""
    total = rows.sum(-1)
    occurs = total > 1e-20
    rows, total = rows[occurs], total[occurs]
    beliefs = np.round(rows / total[:, None], 12)
    order = np.lexsort(beliefs.T)
    first = (np.diff(beliefs[order], axis=0, prepend=-1) != 0).any(1)
    return np.add.reduceat(rows[order], np.flatnonzero(first), axis=0)


def distinct_futures(transitions: np.ndarray) -> int:
    """How many states of a unifilar machine differ in what they will emit."""
    after, emission = transitions.argmax(-1).T, transitions.sum(-1).T.round(12)
    kinds = np.zeros(len(emission), int)
    for _ in range(len(emission)):
        # States are alike where they emit alike, and go where states are alike.
        then = np.where(emission > 0, kinds[after], -1)
        described = np.concatenate([emission, then], axis=1)
        kinds = np.unique(described, axis=0, return_inverse=True)[1].ravel()
    return int(kinds.max()) + 1
