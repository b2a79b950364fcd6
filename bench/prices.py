"""Public list prices: us-east-1, US dollars, free tiers left out.

Taken on 2026-11-21 from copies of the AWS price list: price tests of the cost tool Infracost (commit 95ba4f49a, August 2026), a Lambda
price-list note of 2026-09-28, and for Secrets Manager a transcription of its pricing page of 2026-09-20. Nothing here was read from a bill.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SECRET_MONTH = 0.40
SECRETS_MANAGER_CALL = 0.05 / 1e4
KMS_KEY_MONTH = 1.00
KMS_CALL = 0.03 / 1e4
WRITE_UNIT = 0.625 / 1e6
READ_UNIT = 0.125 / 1e6
TABLE_GIGABYTE_MONTH = 0.25
BACKUP_GIGABYTE_MONTH = 0.20
"""Point-in-time recovery."""
SQS_REQUEST = 0.40 / 1e6
FAIR_QUEUE_REQUEST = 0.10 / 1e6
LAMBDA_REQUEST = 0.20 / 1e6
SCHEDULE_INVOCATION = 1.00 / 1e6
METRIC_MONTH = 0.30
ALARM_MONTH = 0.10
Tiers = Sequence[tuple[float, float]]
LAMBDA_GIGABYTE_SECOND: Tiers = ((7.5e9, 0.0000133334), (11.25e9, 0.0000120001), (math.inf, 0.0000106667))
"""arm64."""
HTTP_API_REQUEST: Tiers = ((300e6, 1.00 / 1e6), (math.inf, 0.90 / 1e6))
LOG_GIGABYTE: Tiers = ((10e3, 0.50), (20e3, 0.25), (20e3, 0.10), (math.inf, 0.05))


def tiered(quantity: float, tiers: Tiers) -> float:
    """Return what *quantity* costs when each tier has its own price."""
    cost = 0.0
    for size, price in tiers:
        taken = min(quantity, size)
        cost += taken * price
        quantity -= taken
    return cost
