"""Headless Chromium, for tests of pages. A test is left out where it is not installed."""

import base64
import json
import os
import shutil
import sys
import time

LEFT_OUT = 77


def leave_out(reason):
    print(f"left out: {reason}")
    sys.exit(LEFT_OUT)


if os.environ.get("DNNB_SANITIZE"):
    leave_out("the browser sees nothing of the program; the pages are made under the sanitizers by "
              "other tests")
if not shutil.which("chromium") or not shutil.which("chromedriver"):
    leave_out("chromium and chromium-driver are not installed")
try:
    from selenium import webdriver
except ImportError:
    leave_out("python3-selenium is not installed")


class Browser:
    def __init__(self):
        options = webdriver.chrome.options.Options()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                         "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.chrome.service.Service(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(service=service, options=options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def emulate(self, width, scheme="light", height=900):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=width < 600)
        self.command("Emulation.setEmulatedMedia",
                     features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, address):
        self.driver.get(address)

    def console(self):
        """What the page wrote to the console since the last call, errors and warnings too."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Addresses that were asked for since the last call, but for those with their data."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return [url for url in found if not url.startswith("data:")]

    def screenshot(self, path):
        """All of the page."""
        size = self.js("const d = document.documentElement; return [d.clientWidth, d.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        data = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))

    def print_pdf(self):
        return base64.b64decode(self.command("Page.printToPDF", preferCSSPageSize=True,
                                             paperWidth=8.27, paperHeight=11.69)["data"])

    def wait(self, code, what, seconds=20):
        """Until the JavaScript gives something that is true, which is returned."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.js(code)
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"{what}: not within {seconds} s")
