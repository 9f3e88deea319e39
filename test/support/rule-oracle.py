"""Expands recurrence rules with dateutil: one JSON object per line on stdin (see rule-oracle.ts), one answer per line.

Where dateutil is known to differ from RFC 5545:
- A start that the rule does not produce is no occurrence and is not counted. Callers pass such rules only to detect
  that.
- WEEKLY with BYSETPOS: dateutil counts the positions of the first week from the start instead of from the first day of
  the week. Here the first week starts at its first day, and occurrences before the start are left out.
- With `withStart`, the start is an occurrence and the first of COUNT, whether the rule produces it or not, unless UNTIL
  is before it; BYHOUR, BYMINUTE and BYSECOND of an all-day series are ignored.
- UNTIL must have the type that dateutil expects for the start. Here UNTIL is compared separately: a date means the
  whole day, `...Z` an instant, anything else local time.
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, reset_tzpath

from dateutil.rrule import rrulestr

# The laws of the installed package, not those of the system.
reset_tzpath(to=[])

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


def walls(rule, start, zone, end, with_start, all_day):
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    if all_day:
        parts = {name: value for name, value in parts.items() if name not in ("BYHOUR", "BYMINUTE", "BYSECOND")}
    until = parts.pop("UNTIL", None)
    count = int(parts.pop("COUNT", 0)) or None
    first = start
    if parts["FREQ"] == "WEEKLY" and "BYSETPOS" in parts:
        parts.setdefault("BYDAY", DAYS[start.weekday()])
        first = start - timedelta(days=(start.weekday() - DAYS.index(parts.get("WKST", "MO"))) % 7)
    # Or dateutil looks for occurrences of impossible rules until the year 9999.
    parts["UNTIL"] = end.strftime("%Y%m%dT%H%M%S")
    found = 0
    is_begun = not is_over(start, until, zone)
    if with_start and is_begun:
        yield start
        found = 1
    for wall in rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=first):
        if wall < start or (with_start and wall == start):
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
    end = start + timedelta(days=case["days"])
    found = list(walls(case["rule"], start, zone, end, case.get("withStart", False), case.get("allDay", False)))
    days, seconds = case.get("duration", (0, 0))
    # Days by the calendar, the rest exactly (RFC 5545 3.3.6). A start that the clock leaves out is read as RFC 5545
    # 3.3.5 says before days are added.
    real = [instant(wall, zone).replace(tzinfo=timezone.utc).astimezone(zone).replace(tzinfo=None) for wall in found]
    ends = [instant(wall + timedelta(days=days), zone) + timedelta(seconds=seconds) for wall in real]
    answer = {
        "walls": [minutes(wall) for wall in found],
        "instants": [minutes(instant(wall, zone)) for wall in found],
        "ends": [minutes(end) for end in ends],
    }
    print(json.dumps(answer, separators=(",", ":")))
