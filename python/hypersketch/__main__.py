# SPDX-License-Identifier: Apache-2.0
"""``python -m hypersketch`` is the command ``hypersketch``."""

from __future__ import annotations

from hypersketch.cli import main

if __name__ == "__main__":
    main()
