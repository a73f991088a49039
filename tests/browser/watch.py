#!/usr/bin/env python3
"""`dnnbrain watch` in headless Chromium: a page that waits for a run, follows it and sees its end.

With a folder as argument, screenshots are left there to be looked at.
"""

import os
import signal
import subprocess
import sys
import tempfile

from _browser import Browser

SHOTS = sys.argv[1] if len(sys.argv) > 1 else None
CLI = os.environ["DNNB_CLI"]
PICTURES = os.path.join(os.environ["DNNB_SOURCE"], "tests", "cli", "make_pictures.py")
WIDTHS = {"phone": 390, "desk": 1280}
TRAIN = [CLI, "train", "--net", "alexnet", "--stim", "train.stim.csv", "--validation",
         "validation.stim.csv", "--score-train", "--freeze", "backbone", "--augment", "none",
         "--batch", "4", "--quiet", "--out", "run"]
COUNT = "return Number((document.getElementById('summary') || {textContent: ''}).textContent" \
        ".match(/([\\d,]+)( of [\\d,]+)? epochs?\\./)?.[1] || 0)"


def shoot(browser, name):
    for width in WIDTHS if SHOTS else ():
        for scheme in ("light", "dark"):
            os.makedirs(SHOTS, exist_ok=True)
            browser.emulate(WIDTHS[width], scheme)
            browser.screenshot(os.path.join(SHOTS, f"{name}-{width}-{scheme}.png"))


def check_quiet(browser, url):
    """No word on the console, and nothing asked for but from the server."""
    assert browser.console() == [], "the console is not empty"
    assert all(address.startswith(url) for address in browser.requests())


def state(browser):
    return browser.js("return document.getElementById('state')?.textContent")


def check_waiting(browser, url):
    browser.open(url)
    assert "There is none yet in run" in browser.js("return document.body.innerText")
    shoot(browser, "waiting")
    check_quiet(browser, url)


def check_following(browser, url):
    """Epochs appear in the page that was opened before the run began, without a reload of it."""
    browser.wait(COUNT.replace("return ", "return 1 <= "), "the first epoch", 60)
    assert state(browser) == "going on", state(browser)
    browser.js("window.isSamePage = true; document.querySelector('main').scrollIntoView()")
    seen = [browser.js(COUNT)]
    while len(seen) < 4:
        browser.wait(COUNT.replace("return ", f"return {seen[-1]} < "), "one more epoch", 60)
        seen.append(browser.js(COUNT))
    assert browser.js("return window.isSamePage"), "the page was loaded again"
    assert len(browser.js("return [...document.querySelectorAll('figure canvas')]")) >= 2
    shoot(browser, "going-on")
    check_quiet(browser, url)
    return seen


def check_end(browser, url, program):
    """The signal ends the run; the page tells of it, and has the scores and images of its end."""
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 130
    browser.wait("return document.getElementById('state').textContent === 'stopped'", "the end", 60)
    browser.wait("return document.getElementById('classes')?.hidden === false", "the scores")
    assert browser.js("return window.isSamePage"), "the page was loaded again"
    shoot(browser, "stopped")
    # It goes on, and finishes: still the same page.
    with open("run/history.csv") as file:
        n_epochs = len(file.readlines()) - 1 + 3
    subprocess.run(TRAIN + ["--epochs", str(n_epochs), "--resume"], check=True,
                   stdout=subprocess.DEVNULL)
    browser.wait("return document.getElementById('state').textContent === 'finished'", "it", 60)
    assert browser.js(COUNT) == n_epochs, browser.js(COUNT)
    assert browser.js("return window.isSamePage"), "the page was loaded again"
    shoot(browser, "finished")
    check_quiet(browser, url)


def check_reconnection(browser, watch, url):
    """A page whose server went away and came back at the same port goes on by itself."""
    watch.kill()
    watch.wait()
    again = start_watch("--port", url.split(":")[2].rstrip("/"))
    browser.js("document.getElementById('state').textContent = 'old'")
    browser.js("document.getElementById('title').textContent = 'old'")
    browser.wait("return document.getElementById('title').textContent === 'run'", "news", 60)
    assert browser.js("return window.isSamePage"), "the page was loaded again"
    again.kill()
    again.wait()


def start_watch(*options):
    return subprocess.Popen([CLI, "watch", "run", *options], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)


def main():
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        os.chdir(folder)
        subprocess.run([sys.executable, PICTURES], check=True)
        watch = start_watch()
        url = watch.stdout.readline().strip()
        check_waiting(browser, url)
        program = subprocess.Popen(TRAIN + ["--epochs", "100000"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            seen = check_following(browser, url)
            check_end(browser, url, program)
            check_reconnection(browser, watch, url)
        finally:
            for started in program, watch:
                started.kill()
                started.wait()
    print(f"epochs as the page showed them: {seen}, then its end; the console stayed empty")


if __name__ == "__main__":
    sys.exit(main())
