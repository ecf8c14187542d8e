"""What the tests of errors share."""

import jaxtyping
import pytest


@pytest.fixture
def as_users_run_it():
    """Without the tests' checks of annotations, which would speak first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
