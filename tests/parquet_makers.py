# SPDX-License-Identifier: Apache-2.0
"""Columns of every type, and files of them, for the tests of Parquet files."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

N = 5000
DAYS = [datetime.date(1900, 1, 1) + datetime.timedelta(days=i) for i in range(N)]
MOMENTS = [datetime.datetime(1950, 1, 1) + datetime.timedelta(seconds=12345 * i) for i in range(N)]
UTC = [moment.replace(tzinfo=datetime.timezone.utc) for moment in MOMENTS]
TIMES = [(datetime.datetime(1, 1, 1) + datetime.timedelta(milliseconds=i)).time() for i in range(N)]

COLUMNS: dict[str, pa.Array] = {
    "int8": pa.array(np.arange(N) % 100 - 50, pa.int8()),
    "int16": pa.array(np.arange(N) - 2000, pa.int16()),
    "int32": pa.array(np.arange(N) * 7 - 2000, pa.int32()),
    "int64": pa.array(np.arange(N) * 10**12 - 2000, pa.int64()),
    "uint8": pa.array(np.arange(N) % 100 + 100, pa.uint8()),
    "uint16": pa.array(np.arange(N) + 60000, pa.uint16()),
    "uint32": pa.array(np.arange(N) + 2**31 - 9, pa.uint32()),
    "uint64": pa.array(np.arange(N, dtype=np.uint64) + np.uint64(2**63 - 9), pa.uint64()),
    "float": pa.array(np.arange(N) / 7, pa.float32()),
    "double": pa.array(np.arange(N) / 7, pa.float64()),
    "string": pa.array([f"text é {i}" for i in range(N)]),
    "large_string": pa.array([f"text {i}" for i in range(N)], pa.large_string()),
    "binary": pa.array([bytes([i % 256]) * (i % 40) for i in range(N)], pa.binary()),
    "fixed": pa.array([i.to_bytes(5, "big") for i in range(N)], pa.binary(5)),
    "dictionary": pa.array([f"text {i % 90}" for i in range(N)]).dictionary_encode(),
    "date": pa.array(DAYS),
    "time_ms": pa.array(TIMES, pa.time32("ms")),
    "time_us": pa.array(TIMES, pa.time64("us")),
    "seconds": pa.array(MOMENTS, pa.timestamp("s")),  # Parquet has milliseconds at most
    "millis": pa.array(MOMENTS, pa.timestamp("ms")),
    "micros": pa.array(MOMENTS, pa.timestamp("us")),
    "nanos": pa.array(MOMENTS, pa.timestamp("ns")),
    "utc": pa.array(UTC, pa.timestamp("us", "UTC")),
    "zone": pa.array(UTC, pa.timestamp("us", "Europe/Berlin")),
}
TABLE = pa.table(COLUMNS)


def groups(column: str) -> list[pa.Array]:
    return [COLUMNS[column][first : first + 2000] for first in range(0, N, 2000)]


def footer_bytes(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[-8:-4], "little")
