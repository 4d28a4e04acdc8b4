"""One message, or several in one: in which words, and how grave."""

from app.domain.alerts import Alert, Kind, Severity
from app.domain.notices import Notice, Part, composed
from tests.fixtures.memory.builders import NOON


def test_one_notice_is_a_message_of_its_own() -> None:
    message = composed([a_notice(an_alert(title="Trading is HALTED", text="ann: looked odd"))], "cdb, live")

    assert message.title == "[cdb, live] Trading is HALTED"
    assert message.body == "ann: looked odd\n2024-11-20 12:00:00 UTC"
    assert message.severity is Severity.CRITICAL


def test_several_notices_are_one_message_as_grave_as_the_worst() -> None:
    notices = [a_notice(an_alert(title="a", text="x\ny", severity=Severity.INFO)), a_notice(an_alert(title="b"))]

    message = composed(notices, "cdb")

    assert message.title == "[cdb] 2 messages: a"
    assert message.body == "- a (12:00:00 UTC)\n  x\n  y\n- b (12:00:00 UTC)"
    assert message.severity is Severity.CRITICAL


def test_those_beyond_what_one_reads_are_counted() -> None:
    message = composed([a_notice(an_alert(title=f"n{number}")) for number in range(25)], "cdb", most=20)

    assert message.title == "[cdb] 25 messages: n0"
    assert message.body.splitlines()[-1] == "- and 5 more: cdb notify list"
    assert len(message.body.splitlines()) == 21


def test_what_is_over_is_good_news_and_what_lasts_is_said_to() -> None:
    over = composed([a_notice(an_alert(title="x", text="do this"), Part.OVER)], "cdb")
    lasts = composed([a_notice(an_alert(title="x"), Part.LASTS)], "cdb")

    assert (over.title, over.severity, "do this" in over.body) == ("[cdb] Over: x", Severity.INFO, False)
    assert (lasts.title, lasts.severity) == ("[cdb] Still: x", Severity.CRITICAL)


def an_alert(*, title: str = "x", text: str = "", severity: Severity = Severity.CRITICAL) -> Alert:
    return Alert(Kind.ORDER, "O-1", severity, title, text)


def a_notice(alert: Alert, part: Part = Part.RAISED) -> Notice:
    return Notice(1, alert, part, NOON)
