#!/usr/bin/env python3
"""report.html in headless Chromium: what it shows, and that it asks for nothing and runs nothing.

With a folder as argument, screenshots and print-outs are left there to be looked at.
"""

import json
import os
import subprocess
import sys
import tempfile

from _browser import Browser
import _run_folder
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

SHOTS = sys.argv[1] if len(sys.argv) > 1 else None
HOSTILE = [
    "</script><script>window.hacked=1</script>.png",
    "<img src=x onerror=window.hacked=2>.png",
    '"><svg onload=window.hacked=3>.png',
    "<!--<script>.png",
    "a&lt;b, \u00e9\u4e2d \u202e.png",
]


def write_report(folder):
    subprocess.run([os.environ["DNNB_CLI"], "plot", folder], check=True, capture_output=True)
    return "file://" + os.path.join(folder, "report.html")


def shoot(browser, name):
    if SHOTS:
        os.makedirs(SHOTS, exist_ok=True)
        browser.screenshot(os.path.join(SHOTS, name + ".png"))


def check_quiet(browser, address):
    """Nothing on the console, nothing asked for but the page itself."""
    assert browser.console() == [], "the console is not empty"
    assert set(browser.requests()) <= {address}, "the page asks for something"
    assert browser.js("return window.hacked") is None, "a file's name was run"


def check_charts(browser, expected):
    """Each chart has ink on it: a canvas that is not drawn is transparent everywhere."""
    ink = browser.js("""
        return Object.fromEntries([...document.querySelectorAll('figure canvas')].map((canvas) => {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let n = 0;
          for (let i = 3; i < data.length; i += 4) n += data[i] > 0;
          return [canvas.closest('figure').id, n];
        }))""")
    assert set(ink) == set(expected), ink
    assert all(n > 1000 for n in ink.values()), ink


def check_tooltip(browser, data):
    """The pointer over the third epoch shows that epoch's scores."""
    canvas = browser.driver.find_element("css selector", "#figure-score canvas")
    browser.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    at = browser.js("""
        const { chart } = charts.get('score'), point = chart.getDatasetMeta(0).data[2];
        return [point.x - chart.width / 2, point.y - chart.height / 2]""")
    ActionChains(browser.driver).move_to_element_with_offset(canvas, *map(round, at)).perform()
    lines = browser.wait("""
        const { tooltip } = charts.get('score').chart;
        return tooltip.opacity > 0 && [...tooltip.title, ...tooltip.body.flatMap((b) => b.lines)]""",
                         "a tooltip")
    epochs = data["epochs"]
    assert lines == ["Epoch 3", f"training: {100 * epochs['score_train'][2]:.1f}%",
                     f"validation: {100 * epochs['score_validation'][2]:.1f}%"], lines


def check_keyboard(browser, address):
    """Tab goes through everything in the page's order, each time with a frame around it; the arrow
    keys go through a chart's values, which are said too."""
    browser.open(address)
    seen, frames = [], []
    for _ in range(60):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        name, place, frame = browser.js("""
            const e = document.activeElement, style = getComputedStyle(e);
            const all = [...document.querySelectorAll('*')];
            return [e === document.body ? '' : e.className || e.textContent.trim() || e.tagName,
                    all.indexOf(e), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth)]""")
        if not name:
            break
        seen.append((place, name))
        frames.append(frame)
    assert seen[0][1] == "skip", seen[0]
    assert [place for place, _ in seen] == sorted({place for place, _ in seen}), "order of tabs"
    assert len(seen) >= 20 and all(frame >= 2 for frame in frames), (seen, frames)
    canvas = browser.driver.find_element("css selector", "#figure-loss canvas")
    canvas.send_keys(Keys.ARROW_RIGHT)
    first = browser.js("return document.getElementById('spoken').textContent")
    canvas.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    third = browser.js("return document.getElementById('spoken').textContent")
    canvas.send_keys(Keys.END)
    last = browser.js("return document.getElementById('spoken').textContent")
    assert first.startswith("Epoch 1,") and third.startswith("Epoch 3,"), (first, third)
    assert last.startswith("Epoch 5, training: 0.4"), last


def check_tables(browser, data):
    """The numbers of each chart as a table."""
    browser.driver.find_element("css selector", "#figure-loss summary").click()
    rows = browser.wait("""
        return [...document.querySelectorAll('#figure-loss tbody tr')].map((tr) => tr.innerText.split('\\t'))""",
                        "a table")
    assert len(rows) == len(data["epochs"]["loss"]), rows
    for row, loss in zip(rows, data["epochs"]["loss"]):
        assert abs(float(row[1]) - loss) < 1e-3 * loss, (row, loss)


def check_renewal(browser, data):
    """Newer data change what is shown; canvases, and tables that are open, stay as they are."""
    browser.js("window.before = document.querySelector('#figure-score canvas')")
    newer = json.loads(json.dumps(data))
    for values in newer["epochs"].values():
        values += values[-1:]
    newer["epochs"]["score_validation"][-1] = 0.9375
    browser.js("render(arguments[0])", newer)
    state = browser.js("""
        return [document.querySelector('#figure-score canvas') === before,
                charts.get('score').chart.data.datasets[1].data.length,
                document.querySelector('#figure-loss details').open,
                document.querySelectorAll('#figure-loss tbody tr').length]""")
    n = len(newer["epochs"]["loss"])
    assert state == [True, n, True, n], state
    browser.js("render(arguments[0])", data)


def check_sizes(browser, address, name):
    for width in 390, 1440:
        for scheme in "light", "dark":
            browser.emulate(width, scheme)
            browser.open(address)
            browser.wait("return document.querySelectorAll('canvas').length", "charts")
            wide = browser.js("return document.documentElement.scrollWidth")
            assert wide <= width, f"{name}: {wide} px wide on a page of {width}"
            paper = browser.js("return getComputedStyle(document.body).backgroundColor")
            light = sum(map(int, paper[4:-1].split(","))) > 384
            assert light == (scheme == "light"), paper
            shoot(browser, f"{name}-{width}-{scheme}")
            check_quiet(browser, address)
    browser.emulate(1440, "dark")


def check_print(browser, name):
    pdf = browser.print_pdf()
    assert pdf.startswith(b"%PDF") and len(pdf) > 20_000, len(pdf)
    assert browser.js("return charts.get('loss').chart.data.datasets[0].borderColor") == "#56b4e9", (
        "the dark colours are back after printing in those of paper")
    if SHOTS:
        with open(os.path.join(SHOTS, name + ".pdf"), "wb") as file:
            file.write(pdf)


def check_policy(browser):
    """What the content security policy forbids does not happen, whoever asks for it."""
    browser.js("""
        const script = document.createElement('script');
        script.textContent = 'window.hacked = 4';
        document.body.append(script);
        const link = document.createElement('link');
        Object.assign(link, { rel: 'stylesheet', href: 'file:///nothing.css' });
        document.head.append(link);""")
    assert browser.js("return window.hacked") is None
    refused = browser.driver.execute_async_script("""
        const done = arguments[0];
        fetch('http://127.0.0.1:9/').then(() => done('fetched'), (error) => done(error.name))""")
    assert refused == "TypeError", refused
    assert len([m for m in browser.console() if "Content Security Policy" in m]) >= 3
    browser.requests()  # those that were refused are listed too


def data_of(browser):
    return json.loads(browser.js("return document.getElementById('data').textContent"))


def check_two_classes(browser, folder):
    run, images = os.path.join(folder, "two <b>&"), os.path.join(folder, "images")
    ids = HOSTILE + [f"p{i}.png" for i in range(25)]
    _run_folder.make_classification(run, images, ["<b>ants</b>", "bees & co"], ids)
    os.remove(os.path.join(images, "p0.png"))
    address = write_report(run).replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
    check_sizes(browser, address, "two")
    data = data_of(browser)
    check_charts(browser, ["figure-score", "figure-loss", "figure-steps", "figure-rate", "figure-roc"])
    check_tooltip(browser, data)
    check_tables(browser, data)
    check_renewal(browser, data)
    check_keyboard(browser, address)
    check_print(browser, "two")
    text = browser.js("return document.body.textContent")
    for wanted in HOSTILE + ["<b>ants</b>", "bees & co", "broken <i>.jpg", "two <b>&", "finished",
                             "no picture", "the loss has been at chance"]:
        assert wanted in text, wanted
    shown = browser.js("""
        return [...document.querySelectorAll('.images img')].map((i) => i.complete && i.naturalWidth)""")
    assert len(shown) == 23 and all(width == 64 for width in shown), shown
    check_quiet(browser, address)
    check_policy(browser)


def check_many_classes(browser, folder):
    run, images = os.path.join(folder, "many"), os.path.join(folder, "images")
    names = ["animal", "building", "food", "a vehicle with a rather long name of its kind"]
    _run_folder.make_classification(run, images, names, [f"m{i}.png" for i in range(60)], 30, 80)
    address = write_report(run)
    check_sizes(browser, address, "many")
    check_charts(browser, ["figure-score", "figure-loss", "figure-steps", "figure-rate"])
    cells = browser.js("return document.querySelectorAll('.matrix tbody td').length")
    assert cells == 16, cells
    assert data_of(browser)["steps"]["group"] == 3
    if SHOTS:
        check_print(browser, "many")


def check_regression(browser, folder):
    run, images = os.path.join(folder, "regression"), os.path.join(folder, "images")
    _run_folder.make_regression(run, images, [f"r{i}.png" for i in range(40)])
    address = write_report(run)
    check_sizes(browser, address, "regression")
    check_charts(browser, ["figure-score", "figure-loss", "figure-steps", "figure-rate",
                           "figure-scatter-0"])
    assert "RMSE" in browser.js("return document.getElementById('regression').textContent")


def main():
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        check_two_classes(browser, folder)
        check_many_classes(browser, folder)
        check_regression(browser, folder)
    print("three reports, each at two widths, light and dark")


if __name__ == "__main__":
    sys.exit(main())
