"""The page, as people use it: in a real browser, on the real parts."""

import statistics
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import ZONE, Browser
from tests.e2e.people import Person, World, eventually, instant, now, tomorrow_at_nine

pytestmark = pytest.mark.timeout(200)
"""Seconds: one story waits for a reminder of whole minutes."""

A_MINUTE = timedelta(minutes=1)
MARKUP = "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\"> & Söhne"


def test_what_was_completed_by_mistake_is_open_again(browser: Browser) -> None:
    browser.go("/all")
    browser.fill_in("Call Ada")
    browser.send("Call Ada")
    browser.complete("Call Ada")
    browser.await_(lambda: browser.cards() == [], 15, "no card")

    browser.see("#note button").click()

    browser.card("Call Ada")
    browser.await_(lambda: "Open again: Call Ada" in browser.find("#note").text, 5, "a note")


def test_a_change_by_kubectl_is_on_the_page_within_a_second(browser: Browser, person: Person) -> None:
    browser.go("/all")
    browser.driver.execute_script("window.neverReloaded = true")
    delays = []
    for number in range(5):
        person.apply_task(f"report-{number}")
        begun = time.monotonic()
        browser.card(f"report-{number}")
        delays.append(time.monotonic() - begun)
    person.patch("task", person.named("report-0"), {"state": "Completed"})
    browser.await_(lambda: len(browser.cards()) == 4, 5, "four cards")
    assert browser.driver.execute_script("return window.neverReloaded")
    assert statistics.median(delays) < 1, delays


def test_reminders_are_seen_while_they_are_pending_and_when_they_have_come(browser: Browser, person: Person) -> None:
    due_at = now().replace(second=0, microsecond=0) + 2 * A_MINUTE
    reminders = [{"before": "PT1M"}, {"before": "-PT1H"}]
    person.apply_task("dentist", title="Dentist", dueAt=instant(due_at), timeZone=ZONE, reminders=reminders)
    browser.go("/reminders")
    browser.card("Dentist", "1 min before")
    browser.card("Dentist", "1 h after")
    browser.pictures("reminders")
    browser.go("/inbox")

    browser.card("Dentist", "1 min before", within=150)

    browser.pictures("inbox")
    browser.go("/")
    browser.card("Dentist", "1 min before", "sent")


def test_a_day_full_of_tasks(browser: Browser, person: Person) -> None:
    today = now().replace(second=0, microsecond=0)
    person.apply_task("tax", title="Send the tax return", dueAt=instant(today - timedelta(days=2)), priority="High")
    person.apply_task("milk", title="Buy oat milk, eggs and the good bread", dueAt=instant(today + 3 * A_MINUTE))
    person.apply_task("plants", title="Water the plants", dueAt=instant(today + timedelta(days=4)), tags=["home"])
    person.apply_task(
        "piano", title="Practise the piano", priority="Low", description="The slow movement.\nWith metronome."
    )
    person.apply_task("long", title="Donaudampfschifffahrtsgesellschaft" * 5, dueAt=instant(today + timedelta(days=90)))
    person.apply_schedule(
        "rent",
        title="Pay the rent",
        timeZone="America/New_York",
        recurrence={"frequency": "Monthly", "monthDays": [-1]},
        reminders=[{"before": "P1D"}, {"before": "PT1H"}],
    )
    browser.card("Pay the rent", "at 09:00, America/New_York", "1 day before")
    browser.await_(lambda: len(browser.cards()) == 6, 10, "six cards")
    browser.pictures("today")
    browser.go("/all")
    headings = [each.text for each in browser.all("#view h2")]
    assert headings[0] == "Overdue\n1"
    assert headings[-1] == "No due time\n1"
    browser.pictures("all")


def test_all_future_occurrences_are_cancelled_and_brought_back(browser: Browser, person: Person) -> None:
    person.apply_schedule("gym", title="Gym")
    browser.card("Gym").index("Every day")
    browser.see(".menu summary").click()
    browser.pictures("menu")
    browser.see(".menu button").click()
    browser.await_(lambda: browser.cards() == [], 15, "no card")
    browser.await_(lambda: "Series ended: Gym" in browser.find("#note").text, 5, "a note")

    browser.see("#note button").click()

    browser.card("Gym", "Every day")


def test_a_sentence_to_the_chat_becomes_a_card(browser: Browser, person: Person) -> None:
    browser.go("/all")
    browser.see("#message").send_keys("remind me to call Ada tomorrow at 9am, 1 hour before", Keys.ENTER)
    browser.card("all Ada", "tomorrow", "09:00", "1 h before 08:00 · to come")
    browser.pictures("chat")
    browser.find("#message").send_keys("done with call Ada", Keys.ENTER)
    browser.await_(lambda: browser.cards() == [], 15, "no card")
    assert person.reminders() == []


def test_after_the_server_was_away_the_page_shows_what_it_missed(
    browser: Browser, world: World, person: Person
) -> None:
    with world.stopped("api-shim"):
        browser.await_(lambda: "Connecting again" in browser.find("#live").text, 20, "that it is cut off")
        person.apply_task("meanwhile")
        eventually(lambda: (person.task(person.named("meanwhile")) or {}).get("status"), what="its status")
    browser.card("meanwhile", within=30)
    browser.connected()
    assert all("CONNECTION" in each or "net::" in each for each in browser.complaints())


def test_after_the_database_was_away_the_page_shows_what_it_missed(
    browser: Browser, world: World, person: Person
) -> None:
    with world.stopped("postgres"):
        person.apply_task("meanwhile")
    browser.card("meanwhile", within=45)
    # What is not shown when the database is back would be: the page was told to read again.
    browser.complaints()


def test_what_people_type_is_text_and_nothing_else(browser: Browser, person: Person) -> None:
    person.apply_task("markup", title=MARKUP, description=MARKUP, tags=["<b>bold</b>"])
    person.apply_schedule("markup", title=MARKUP)
    assert browser.card(MARKUP, "#<b>bold</b>").count(MARKUP) == 2
    browser.card(MARKUP, "Every day")
    browser.fill_in(MARKUP[:60])
    browser.send(MARKUP[:60])
    assert browser.driver.title == "Today · Taskbell"


def test_with_keys_alone(browser: Browser) -> None:
    browser.go("/all")
    for title in ("Read", "Write"):
        browser.press("n", title, Keys.ENTER)
        browser.card(title)
        browser.await_(lambda: browser.find("#title").get_attribute("value") == "", 5, "an empty form")
        browser.press(Keys.ESCAPE)
    browser.press("/", "wri")
    browser.await_(lambda: len(browser.cards()) == 1, 5, "one card")
    browser.press(Keys.ENTER, Keys.ENTER)
    browser.await_(lambda: "Completed: Write" in browser.find("#note").text, 15, "a note")


def test_what_is_missing_is_said_at_its_field(browser: Browser) -> None:
    browser.fill_in("Stretch", repeat="Daily")
    browser.driver.execute_script("document.getElementById('due').value = ''")
    browser.find("#title").send_keys(Keys.ENTER)
    assert "choose when it is due" in browser.see("#wrong-due").text
    assert browser.find("#title").get_attribute("value") == "Stretch"
    browser.pictures("wrong")
    (complaint, *_) = browser.complaints()
    assert "422" in complaint


def test_times_are_those_of_the_browsers_zone_or_of_the_one_that_was_chosen(browser: Browser, person: Person) -> None:
    due_at = datetime.fromisoformat(f"{tomorrow_at_nine()}:00+00:00")
    person.apply_task("zoned", dueAt=instant(due_at))
    browser.card("zoned", f"{due_at.astimezone(ZoneInfo(ZONE)):%H:%M}")
    browser.see(".account summary").click()
    browser.find("#zone").send_keys("Asia/Kathmandu", Keys.ENTER)
    browser.card("zoned", "14:45")
    assert "Times are in Asia/Kathmandu" in browser.find("footer").text


def test_only_a_good_token_opens_the_page(visitor: Browser, person: Person) -> None:
    visitor.open("/")
    visitor.pictures("sign-in")
    visitor.find("#token").send_keys("nonsense", Keys.ENTER)
    assert "no readable JSON Web Token" in visitor.see("#why").text
    visitor.complaints()
    visitor.sign_in(person.token)
    visitor.see(".account summary").click()
    visitor.see(".account form[action='/sign-out'] button").click()
    visitor.see("#token")
    visitor.open("/")
    visitor.see("#token")
