# SPDX-License-Identifier: Apache-2.0
"""Doors to other libraries, one module each. They are imported by name, never by hypersketch itself."""
