#!/usr/bin/python3
"""page_check.py BUILD check|screenshots - the status page in a headless Chromium.

check: it loads, is live, shows markup in names as text, speaks two languages, fits 360 pixels, and the
browser complains of nothing. screenshots: writes docs/status-page.png and docs/status-page-phone.png.
Needs chromium, chromium-driver and python3-selenium (make page-check installs them).
"""
import shutil
import subprocess
import sys
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
         "--disable-background-networking --disable-component-update --disable-sync "
         "--disable-dev-shm-usage").split()
WAIT_S = 20
MARKUP = '<img src=x onerror="document.title=\'hacked\'"><b>bold</b>'


class World:
    """A program that serves the page, and does what it is told."""

    def __init__(self, *program):
        self.proc = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True)
        self.port = int(self.proc.stdout.readline().split()[1])
        assert self.port, "the world cannot be set up"
        self.url = f"http://127.0.0.1:{self.port}/"

    def do(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()
        assert self.proc.stdout.readline().strip() == "done", line

    def end(self):
        self.proc.stdin.close()
        self.proc.wait(30)


class Page:
    def __init__(self, width, height, language="en-US"):
        self.dir = tempfile.mkdtemp(prefix="page-check-")
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in FLAGS + [f"--user-data-dir={self.dir}", f"--window-size={width},{height}",
                             f"--lang={language}", f"--accept-lang={language}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        # Windows are not narrower than 500 pixels; a phone's screen is.
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})

    def open(self, url):
        self.driver.get(url)

    def js(self, text):
        return self.driver.execute_script("return " + text)

    def text(self, selector="body"):
        return self.js(f"document.querySelector({selector!r}).textContent")

    def wait(self, what, expression):
        until = time.monotonic() + WAIT_S
        while not self.js(expression):
            assert time.monotonic() < until, f"{what}: not in {WAIT_S} s; the page says: {self.text()[:2000]}"
            time.sleep(0.05)
        print("ok  ", what)

    def complaints(self):
        return [e["message"] for e in self.driver.get_log("browser")]

    def end(self):
        self.driver.quit()
        shutil.rmtree(self.dir, ignore_errors=True)


def device(name, cell):
    """An expression: the text of a cell of a device."""
    return (f"(Array.from(document.querySelectorAll('.device')).find(d => "
            f"d.querySelector('.name').textContent.endsWith('/{name}')) || document.createElement('p'))"
            f".querySelectorAll('.cell span:last-child')[{cell}]?.textContent")


def check_live(page, world):
    page.wait("the page loads and is live", "document.getElementById('live').textContent === 'live'")
    page.wait("the link is there", "document.getElementById('state').textContent === 'connected'")
    page.wait("both devices are on the LAN and online",
              f"{device('dev1', 0)} === 'yes' && {device('dev1', 1)} === 'yes' && "
              f"{device('dev2', 0)} === 'yes' && {device('dev2', 1)} === 'yes'")
    page.js("window.mark = 1")
    world.do("leave dev2")
    page.wait("a device that goes offline is seen at once", f"{device('dev2', 0)} === 'no' && "
              f"{device('dev2', 1)} === 'no' && {device('dev1', 0)} === 'yes'")
    world.do("return dev2")
    page.wait("and when it comes back", f"{device('dev2', 1)} === 'yes'")
    assert page.js("window.mark === 1"), "the page was loaded anew"


def check_devices(page):
    page.js("document.getElementById('find').value = 'DEV2', "
            "document.getElementById('find').dispatchEvent(new Event('input'))")
    page.wait("devices are found by a part of the name",
              "document.querySelectorAll('.device:not(.head)').length === 1")
    page.js("document.getElementById('find').value = '', document.getElementById('only').value = 'unbound', "
            "document.getElementById('find').dispatchEvent(new Event('input')), "
            "document.getElementById('only').dispatchEvent(new Event('change'))")
    page.wait("and by their state", "document.getElementById('matching').textContent.startsWith('0 ')")
    page.js("document.getElementById('only').value = 'all', "
            "document.getElementById('only').dispatchEvent(new Event('change'))")
    page.wait("all come back", "document.querySelectorAll('.device:not(.head)').length === 2")


def check_markup(page, world):
    world.do("inject " + MARKUP)
    page.wait("names with markup are shown as text",
              "document.getElementById('suspects').textContent.includes('<img src=x onerror=') && "
              "document.getElementById('errors').textContent.includes('<img src=x onerror=')")
    assert page.js("document.querySelectorAll('img, b').length") == 0, "markup became elements"
    assert "hacked" not in page.js("document.title"), "markup was run"


def check_languages(page):
    page.js("document.getElementById('language').click()")
    page.wait("Chinese by the switch", "document.documentElement.lang === 'zh-CN' && "
              "document.getElementById('state').textContent === '已连接'")
    page.open(page.driver.current_url)
    page.wait("which is remembered", "document.documentElement.lang === 'zh-CN'")
    page.js("document.getElementById('language').click()")
    page.wait("and English again", "document.documentElement.lang === 'en'")


def check_width(page):
    wide = page.js("document.documentElement.scrollWidth")
    assert wide <= 360, f"the page is {wide} pixels wide on a screen of 360"
    print("ok   it fits 360 pixels")


def check_outage(page, world):
    world.do("hub away")
    page.wait("an outage shows its reason", "document.getElementById('state').textContent !== 'connected' && "
              "!document.getElementById('reason').hidden")
    check_width(page)
    world.do("hub back")
    page.wait("and its end", "document.getElementById('state').textContent === 'connected'")


def check(build):
    world = World(f"{build}/page_world")
    page = Page(360, 740)
    try:
        page.open(world.url)
        check_live(page, world)
        check_devices(page)
        check_markup(page, world)
        check_languages(page)
        check_width(page)
        check_outage(page, world)
        assert page.js("performance.getEntriesByType('resource').every(e => e.name.startsWith(location.origin) "
                       "|| e.name.startsWith('data:'))"), "another host was asked"
        assert page.js("document.cookie") == "", "there is a cookie"
        assert not page.complaints(), page.complaints()
        print("ok   the browser complains of nothing")
    finally:
        page.end()
        world.end()
    check_token(build)


def check_token(build):
    """A browser that speaks Chinese shows the token as a password, also for the stream."""
    world = World(f"{build}/page_world", "a-token-for-the-page")
    page = Page(360, 740, "zh-CN")
    try:
        page.open(world.url.replace("//", "//anybody:a-token-for-the-page@"))
        page.wait("with a token as password the page is live, and in the browser's language",
                  "document.getElementById('live').textContent === '实时' && "
                  "document.getElementById('state').textContent === '已连接'")
        assert not page.complaints(), page.complaints()
    finally:
        page.end()
        world.end()


def screenshots(build):
    world = World(f"{build}/page_sample")
    try:
        for name, width, height in (("status-page", 1100, 1150), ("status-page-phone", 360, 760)):
            page = Page(width, height)
            page.open(world.url)
            page.wait(name, "document.querySelectorAll('.device:not(.head)').length === 200 && "
                      "document.querySelectorAll('svg').length === 4")
            page.driver.save_screenshot(f"docs/{name}.png")
            page.end()
    finally:
        world.end()


if __name__ == "__main__":
    {"check": check, "screenshots": screenshots}[sys.argv[2]](sys.argv[1])
