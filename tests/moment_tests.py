# SPDX-License-Identifier: Apache-2.0
"""Whether means and variances are the predicted ones, inside intervals computed from the values."""

from __future__ import annotations

import math

import numpy as np

WIDE = 4.5  # standard errors: a right formula misses once in 150,000 tests


def require_moments(values: np.ndarray, mean: float, sd: float, what: str) -> None:
    """Mean and variance of independent values, within what their own spread allows."""
    count = values.size
    if sd < 1e-6 * abs(mean):
        np.testing.assert_allclose(values, mean, rtol=1e-5, err_msg=what)
        return
    assert abs(values.mean() - mean) < WIDE * sd / math.sqrt(count), what
    # The variance of a sample variance of values with the sample's own fourth moment.
    excess = float(np.mean(((values - values.mean()) / values.std()) ** 4)) - 1.0
    assert abs(values.var() / sd**2 - 1.0) < WIDE * math.sqrt(max(excess, 0.5) / count), what
