"""Expands calendars with recurring-ical-events: one JSON object a line on stdin (see free-busy-judge.ts), one answer a line.

It gives the occurrences. What of them takes time is said here, by RFC 5545: not what is cancelled, transparent, or without length; a date lasts from midnight
to midnight in the calendar's zone, in which floating times are read, too.

What of a calendar it is not shown: X-WR-TIMEZONE, which is no property of RFC 5545 and moves the rules of UTC events into that zone; VEVENTs without a DTSTART,
at which it gives up.
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
    return str(event.get("STATUS", "")).upper() != "CANCELLED" and str(event.get("TRANSP", "")).upper() != "TRANSPARENT"


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
    events = [event for calendar in found for event in recurring_ical_events.of(calendar).between(start - MARGIN, end + MARGIN) if takes_time(event)]
    low, high = (int(day.replace(tzinfo=timezone.utc).timestamp() * 1000) for day in (start, end))
    answer = {}
    for name in zones:
        zone = ZoneInfo(name)
        spans = [(max(low, instant(event["DTSTART"].dt, zone)), min(high, instant(event["DTEND"].dt, zone))) for event in events]
        answer[name] = merged([span for span in spans if span[0] < span[1]])
    return answer


for line in sys.stdin:
    case = json.loads(line)
    try:
        # A zone of one file must not be taken for that of another.
        tzp.use_zoneinfo()
        found = calendars(case["text"])
        print(json.dumps([busy(found, window, case["zones"]) for window in case["windows"]], separators=(",", ":")))
    except Exception as error:  # noqa: BLE001: whatever it dies of is its answer
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:200]}))
    sys.stdout.flush()
