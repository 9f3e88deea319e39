"""Expands recurrence rules with dateutil: one JSON object per line on stdin (see rule-oracle.ts), one answer per line.

Where dateutil is known to differ from RFC 5545:
- A start that the rule does not produce is no occurrence and is not counted. Callers pass such rules only to detect
  that.
- WEEKLY with BYSETPOS: dateutil counts the positions of the first week from the start instead of from the first day of
  the week. Here the first week starts at its first day, and occurrences before the start are left out.
- UNTIL must have the type that dateutil expects for the start. Here UNTIL is compared separately: a date means the
  whole day, `...Z` an instant, anything else local time.
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
EPOCH = datetime(1970, 1, 1)


def instant(wall, zone):
    """The first instant of an ambiguous time; in a gap with the offset before it (PEP 495 fold 0, RFC 5545 3.3.5)."""
    return wall.replace(tzinfo=zone).astimezone(timezone.utc).replace(tzinfo=None)


def is_over(wall, until, zone):
    if until is None:
        return False
    if len(until) == 8:
        return wall.strftime("%Y%m%d") > until
    if until.endswith("Z"):
        return instant(wall, zone) > datetime.strptime(until, "%Y%m%dT%H%M%SZ")
    return instant(wall, zone) > instant(datetime.strptime(until, "%Y%m%dT%H%M%S"), zone)


def walls(rule, start, zone, end):
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    until = parts.pop("UNTIL", None)
    count = int(parts.pop("COUNT", 0)) or None
    first = start
    if parts["FREQ"] == "WEEKLY" and "BYSETPOS" in parts:
        parts.setdefault("BYDAY", DAYS[start.weekday()])
        first = start - timedelta(days=(start.weekday() - DAYS.index(parts.get("WKST", "MO"))) % 7)
    found = 0
    for wall in rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=first):
        if wall < start:
            continue
        found += 1
        if wall >= end or (count is not None and found > count) or is_over(wall, until, zone):
            return
        yield wall


def minutes(time):
    return int((time - EPOCH).total_seconds()) // 60


for line in sys.stdin:
    case = json.loads(line)
    start = datetime.fromisoformat(case["start"])
    zone = ZoneInfo(case["zone"])
    found = list(walls(case["rule"], start, zone, start + timedelta(days=case["days"])))
    answer = {"walls": [minutes(wall) for wall in found], "instants": [minutes(instant(wall, zone)) for wall in found]}
    print(json.dumps(answer, separators=(",", ":")))
