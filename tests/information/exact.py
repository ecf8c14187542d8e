"""Entropies and divergences of logits by their definitions, in decimal arithmetic of 50 digits."""

from decimal import Decimal, getcontext

import numpy as np

getcontext().prec = 50
LN2 = Decimal(2).ln()


def numbers(row):
    return [Decimal(float(x)) for x in row]


def log_p(z):
    z = numbers(z)
    total = sum((x - max(z)).exp() for x in z).ln() + max(z)
    return [x - total for x in z]


def entropy(z):
    return -sum(x.exp() * x for x in log_p(z))


def varentropy(z):
    h = entropy(z)
    return sum(x.exp() * (x + h) ** 2 for x in log_p(z))


def min_entropy(z):
    return -max(log_p(z))


def power_sum(z, order):
    return sum((Decimal(float(order)) * x).exp() for x in log_p(z))


def renyi_entropy(z, order):
    return entropy(z) if order == 1 else power_sum(z, order).ln() / (1 - Decimal(float(order)))


def tsallis_entropy(z, order):
    return entropy(z) if order == 1 else (1 - power_sum(z, order)) / (Decimal(float(order)) - 1)


def cross_entropy(p, q):
    return -sum(x.exp() * y for x, y in zip(log_p(p), log_p(q), strict=True))


def kl_divergence(p, q):
    return cross_entropy(p, q) - entropy(p)


def epistemic(*members):
    """Mean divergence of the members from their mean."""
    members = [log_p(z) for z in members]
    mean = [sum(x.exp() for x in column) / len(members) for column in zip(*members, strict=True)]
    log_mean = [x.ln() for x in mean]
    terms = (x.exp() * (x - y) for z in members for x, y in zip(z, log_mean, strict=True))
    return sum(terms) / len(members)


def relative_error(got, wanted):
    """The largest relative error of numbers of any precision, against exact ones."""
    got = np.asarray(got).ravel()
    assert len(got) == len(wanted)
    return max(float(abs(Decimal(float(g)) / w - 1)) for g, w in zip(got, wanted, strict=True))
