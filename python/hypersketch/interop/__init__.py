# SPDX-License-Identifier: Apache-2.0
"""Doors to other packages, one module each; none is imported before it is asked for."""
