"""Expands calendars with recurring-ical-events: one JSON object per line on stdin (see free-busy-oracle.ts), one answer
per line.

The library returns the occurrences. This script decides which of them are busy, by RFC 5545: none that is cancelled,
transparent or without length; a date lasts from midnight to midnight in the calendar's zone, which is also the zone of
floating times.

Removed before the library reads a calendar: X-WR-TIMEZONE, which is no property of RFC 5545 and moves the rules of UTC
events into that zone; VEVENTs without a DTSTART, which make it fail.
"""
import json
import re
import sys
import warnings
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

warnings.simplefilter("ignore")

import icalendar
import recurring_ical_events
from icalendar.timezone import tzp

MARGIN = timedelta(days=2)


def calendars(text):
    text = re.sub(r"(?im)^X-WR-TIMEZONE[:;].*\r?\n", "", text)
    if not re.search(r"(?im)^BEGIN:VCALENDAR", text):
        text = f"BEGIN:VCALENDAR\r\n{text}\r\nEND:VCALENDAR\r\n"
    found = icalendar.Calendar.from_ical(text, multiple=True)
    for calendar in found:
        calendar.subcomponents = [one for one in calendar.subcomponents if one.name != "VEVENT" or "DTSTART" in one]
    return [one for one in found if one.name == "VCALENDAR"]


def instant(value, zone):
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    return int(value.astimezone(timezone.utc).timestamp() * 1000)


def takes_time(event):
    status, transparency = (str(event.get(name, "")).upper() for name in ("STATUS", "TRANSP"))
    return status != "CANCELLED" and transparency != "TRANSPARENT"


def merged(spans):
    result = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        elif start < end:
            result.append([start, end])
    return result


def busy(found, window, zones):
    start, end = (datetime.fromisoformat(day) for day in window)
    queries = [recurring_ical_events.of(calendar) for calendar in found]
    occurrences = [event for query in queries for event in query.between(start - MARGIN, end + MARGIN)]
    events = [event for event in occurrences if takes_time(event)]
    low, high = (int(day.replace(tzinfo=timezone.utc).timestamp() * 1000) for day in (start, end))
    answer = {}
    for name in zones:
        zone = ZoneInfo(name)
        spans = [[instant(event[edge].dt, zone) for edge in ("DTSTART", "DTEND")] for event in events]
        clipped = [(max(low, span[0]), min(high, span[1])) for span in spans]
        answer[name] = merged([span for span in clipped if span[0] < span[1]])
    return answer


for line in sys.stdin:
    case = json.loads(line)
    try:
        # Zones of one file must not be used for another.
        tzp.use_zoneinfo()
        found = calendars(case["text"])
        print(json.dumps([busy(found, window, case["zones"]) for window in case["windows"]], separators=(",", ":")))
    except Exception as error:  # noqa: BLE001: every error is an answer
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:200]}))
    sys.stdout.flush()
