"""What names and values in provider documents look like; `schema.json` says the same."""

from __future__ import annotations

import re

PROVIDER_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
PROVIDER_ID_MEND = "must be lower-case letters, digits, '_' and '-', at most 64."
DATE = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
DATE_MEND = "must be a date such as 2026-11-21."
PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PARAMETER_NAME_MEND = "must be a parameter's name: letters, digits, '_', '.', '-', at most 64."
PARAMETER_VALUE = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")
PARAMETER_MEND = "must be a parameter's name and a text."
POINTER = re.compile(r"(?:/[A-Za-z0-9_.~-]{1,64}){0,6}")
POINTER_MEND = "must be a JSON pointer such as /error/code."
KEPT_MEMBER = re.compile(r"[A-Za-z0-9_.-]{1,64}|(?:/[A-Za-z0-9_.~-]{1,64}){1,6}")
KEPT_MEMBER_MEND = "must be a member's name, or a JSON pointer such as /team/id."
HEADER_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
HEADER_NAME_MEND = "must be a header's name."
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
SCHEME_MEND = "must be one word, such as Bearer."
SCOPE_SEPARATOR = re.compile(r"[ ,;+|]")
SCOPE_SEPARATOR_MEND = "must be one of: ' ' , ; + |"
YEARS_20_SECONDS = 20 * 365 * 86_400
DAYS_30_SECONDS = 30 * 86_400
