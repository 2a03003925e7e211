"""A person's browser: Chromium, driven over WebDriver. It notes every complaint of its console and every request that
fails, and takes pictures as a phone and as a desk would show it, by day and by night."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from localcluster.chromium import Chromium
from tests.e2e.people import eventually

T = TypeVar("T")

ZONE = "Europe/Berlin"
DEVICES = {"desktop": (1440, 900, False), "phone": (360, 740, True)}
SCHEMES = ("light", "dark")

_QUIET = (
    "--headless=new", "--no-first-run", "--no-default-browser-check", "--no-proxy-server", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-domain-reliability",
    "--disable-extensions", "--metrics-recording-only", "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--force-prefers-reduced-motion", "--hide-scrollbars",
)  # fmt: skip


class Browser:
    """`url` is where the page is."""

    def __init__(self, driver: webdriver.Chrome, pictures: Path) -> None:
        self.driver = driver
        self.url = ""
        self._pictures = pictures
        self._cdp("Emulation.setTimezoneOverride", timezoneId=ZONE)
        self.be("desktop", "light")

    # What a person does

    def open(self, path: str) -> None:
        self.driver.get(self.url + path)

    def sign_in(self, token: str) -> None:
        self.open("/sign-in")
        self.find("#token").send_keys(token, Keys.ENTER)
        self.see("#view")

    def go(self, link: str) -> None:
        self.find(f"nav a[href='{link}']").click()
        self.see(f"nav a[href='{link}'][aria-current]")
        self.connected()

    def press(self, *keys: str) -> None:
        """To whatever has the focus."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def fill_in(self, title: str, **fields: str) -> None:
        """The form for a new task: `due`, `repeat`, `priority`, `tags` and `reminder`."""
        self.press("n")
        self.see("#title").send_keys(title)
        if due := fields.get("due"):
            self.driver.execute_script("document.getElementById('due').value = arguments[0]", due)
        if repeat := fields.get("repeat"):
            Select(self.find("#repeat")).select_by_value(repeat)
        if priority := fields.get("priority"):
            Select(self.find("#priority")).select_by_visible_text(priority)
        if tags := fields.get("tags"):
            self.find("#tags").send_keys(tags)
        if reminder := fields.get("reminder"):
            self.find(f".pill input[value='{reminder}']").click()

    def send(self, title: str) -> None:
        """The form, which was filled in for a task of that title."""
        self.find("#title").send_keys(Keys.ENTER)
        self.await_(lambda: title in self.find("#note").text, 15, f"a note of {title}")

    def complete(self, title: str) -> None:
        self.see(f"button[aria-label='Complete {title}']").click()

    # What a person sees

    def find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def see(self, css: str, within: float = 15) -> WebElement:
        return self.await_(lambda: next(iter(self.all(css)), None), within, css)

    def all(self, css: str) -> list[WebElement]:
        """Those that can be seen."""
        return [each for each in self.driver.find_elements(By.CSS_SELECTOR, css) if each.is_displayed()]

    def cards(self) -> list[str]:
        """The texts of the cards, in their order."""
        return [each.text for each in self.all("#view .card")]

    def card(self, *texts: str, within: float = 15) -> str:
        """The card that has all of `texts`, once there is one."""
        return self.await_(
            lambda: next((card for card in self.cards() if all(text in card for text in texts)), None),
            within,
            f"a card with {texts}",
        )

    def connected(self) -> None:
        """The page is live."""
        self.await_(lambda: self.driver.find_elements(By.CSS_SELECTOR, "body[data-live]"), 15, "live")

    def await_(self, look: Callable[[], T | None], within: float, what: str) -> T:
        def steadily() -> T | None:
            try:
                return look()
            except StaleElementReferenceException:  # the page has just replaced it
                return None

        return eventually(steadily, within, what=what)

    # What is kept

    def be(self, device: str, scheme: str) -> None:
        width, height, mobile = DEVICES[device]
        self._cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self._cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def pictures(self, name: str) -> None:
        """`<name>-<device>-<scheme>.png`, four of them; nothing is wider than its device."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        for device, (width, _, _) in DEVICES.items():
            for scheme in SCHEMES:
                self.be(device, scheme)
                assert self.driver.execute_script("return document.documentElement.scrollWidth") <= width
                self.driver.save_screenshot(str(self._pictures / f"{name}-{device}-{scheme}.png"))
        self.be("desktop", "light")

    def complaints(self) -> list[str]:
        """Of the console, and requests that failed, since this was last asked."""
        console = [entry["message"] for entry in self._log("browser")]
        return console + [text for entry in self._log("performance") if (text := _failure(entry))]

    def _log(self, kind: str) -> list[Any]:
        entries: list[Any] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def _cdp(self, command: str, **arguments: Any) -> None:
        self.driver.execute_cdp_cmd(command, arguments)


@contextmanager
def browsing(chromium: Chromium, pictures: Path) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(chromium.browser)
    for argument in (*_QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(chromium.driver)))
    try:
        yield Browser(driver, pictures)
    finally:
        driver.quit()


def _failure(entry: Any) -> str | None:
    message = json.loads(entry["message"])["message"]
    details = message["params"]
    match message["method"]:
        case "Network.responseReceived" if details["response"]["status"] >= 400:
            return f"HTTP {details['response']['status']} {details['response']['url']}"
        case "Network.loadingFailed" if not details.get("canceled"):
            return f"{details['errorText']} {details['requestId']}"
        case _:
            return None
