"""Opens reports in headless Chromium: light and dark, 390 and 1280 pixels wide.

    python3 report_opens.py RETORT [--pictures FOLDER]
    python3 report_opens.py --run RUN [--pictures FOLDER]

RETORT is the built program. It writes the reports of recorded answers to generated rows, of classifiers, of generated texts,
of two runs side by side, of a migration and of a cascade; RUN is a finished run of a classification recipe that prunes and
quantizes, whose own report is opened. Each must open without a message in the console, without a request, with marks and an
accessible name in every chart, no wider than the screen, and with the numbers of its JSON; of a run every cell of the
tables is compared. The pictures go to FOLDER, if one is given. Exits 1 on the first thing that does not hold.
"""

import argparse
import base64
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import websocket

# What the first screen of each report must say.
VERDICTS = {
    "classes": ["95% interval", "same label", "faster"], "texts": ["Its error", "Wilcoxon p"],
    "runs": ["is best", "the same data"], "migration": ["fails 1 of 2 gates", "McNemar exact p"],
    "cascade": ["of the teacher's accuracy", "asks the teacher"],
    "recipe": ["gates", "smaller", "faster", "95% interval", "same label", "four times out of five", "Distillation", "limit"],
}
# What the charts of a recipe that prunes and quantizes say that they are, and how many there are at least.
RECIPE_CHARTS = {
    "latency and size": 1, "Accuracy against": 2, "Difference in accuracy": 1, "Learning curve of": 5, "Importance of": 1,
    "Reliability of": 5}
FACTS = """(() => {
  const marks = svg => [...svg.querySelectorAll('circle, rect, polyline')]
    .filter(mark => { const box = mark.getBoundingClientRect(); return box.width > 0 || box.height > 0; }).length;
  return {
    charts: [...document.querySelectorAll('svg')].map(svg => ({
      marks: marks(svg), role: svg.getAttribute('role'), name: svg.getAttribute('aria-label'),
      outside: svg.getBoundingClientRect().right > innerWidth + 1 && !svg.closest('.scroll')})),
    wide: document.documentElement.scrollWidth, screen: innerWidth,
    unnamed: [...document.querySelectorAll('[role=region]')].filter(part => !part.getAttribute('aria-label')).length,
    background: getComputedStyle(document.body).backgroundColor,
    heading: document.querySelector('h1').getBoundingClientRect().bottom,
    verdict: document.querySelector('header').innerText,
    text: document.body.innerText,
    tables: [...document.querySelectorAll('table')].map(table =>
      [...table.rows].map(row => [...row.cells].map(cell => cell.textContent))),
  };
})()"""


def check(condition, text):
    if not condition:
        print("WRONG " + text)
        sys.exit(1)


class Browser:
    """One page of Chromium, spoken to by its debugging protocol."""

    def __init__(self, folder):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("no chromium on the PATH")
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                   "--remote-allow-origins=*", f"--user-data-dir={folder}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = pathlib.Path(folder) / "DevToolsActivePort"
        for _ in range(600):
            if port.exists() and port.read_text().count("\n"):
                break
            time.sleep(0.1)
        number = port.read_text().split("\n")[0]
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{number}/json"))
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        self.socket = websocket.create_connection(address, timeout=120)
        self.count = 0
        self.events = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.count:
                check("error" not in message, f"{method}: {message.get('error')}")
                return message["result"]
            self.events.append(message)

    def wait(self, event):
        while not any(message.get("method") == event for message in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def open(self, file, width, scheme):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 600)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.send("Page.navigate", url=file.as_uri())
        self.wait("Page.loadEventFired")
        facts = self.send("Runtime.evaluate", expression=FACTS, returnByValue=True)["result"]["value"]
        return facts

    def picture(self, file):
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
        data = self.send("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(data))

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


def percent(value):
    return f"{value * 100:.1f}%"


def points(value):
    text = f"{abs(value) * 100:.1f}"
    return text if float(text) == 0 else ("\u2212" if value < 0 else "+") + text


def significant(value):
    for limit, decimals in ((99.95, 0), (9.995, 1), (0.9995, 2), (0.0005, 3)):
        if value >= limit:
            return f"{value:,.{decimals}f}"
    return "0" if value == 0 else f"{value:.1e}"


def flips(pair):
    return f"{pair['flips']['lost']:,} lost, {pair['flips']['won']:,} won"


def expected_tables(report):
    """Rows of the tables Models, Comparison and Slice of a classifier's report."""
    models, reference, subject = report["models"], report["reference"], report["subject"]

    def accuracy(metrics):
        share = metrics["accuracy"]
        return f"{percent(share['value'])} ({share['low'] * 100:.1f}–{share['high'] * 100:.1f})"

    def difference(pair, form):
        change = pair["accuracy_difference"]
        return form.format(*(points(change[key]) for key in ("value", "low", "high")))

    agreements = {pair["b"]: percent(pair["agreement"]) for pair in report["pairs"] if pair["a"] == reference}
    for key, model in models.items():
        metrics, size = model["metrics"], model["bytes"]
        value, unit = (size / 1e6, "MB") if size >= 999_500 else (size / 1e3, "kB")
        p50 = model["latency_ms"]["p50"]
        yield "Models", [
            model["name"], f"{model['parameters']:,}", f"{significant(value)} {unit}", percent(metrics["accuracy"]),
            f"{metrics['accuracy_low'] * 100:.1f}–{metrics['accuracy_high'] * 100:.1f}", f"{metrics['macro_f1']:.3f}",
            agreements.get(key, "–"), (f"{p50:.2f}" if 0.095 <= p50 < 0.9995 else significant(p50)) + " ms"]
    for pair in report["pairs"]:
        p = pair["mcnemar_p"]
        yield "Comparison", [
            f"{models[pair['b']]['name']} against {models[pair['a']]['name']}", difference(pair, "{0}"),
            difference(pair, "{1} to {2}"), f"{p:.3f}" if p >= 0.001 else "< 0.001", flips(pair), percent(pair["agreement"]),
            f"{significant(pair['kl_mean'])} · {significant(pair['kl_p99'])}",
            f"{pair['minimum_detectable_effect'] * 100:.1f}"]
    for part in report["slices"]:
        (pair,) = [pair for pair in part["pairs"] if pair["a"] == reference and pair["b"] == subject] or [None]
        if pair:
            yield "Slice", [
                part["value"], f"{part['rows']:,}", accuracy(part["models"][reference]), accuracy(part["models"][subject]),
                difference(pair, "{0} ({1} to {2})"), flips(pair)]


def check_recipe(report, facts, place):
    for kind, least in RECIPE_CHARTS.items():
        found = sum(kind in chart["name"] for chart in facts["charts"])
        check(found >= least, f"{place}: {found} charts of {kind!r}, expected {least}")
    shown = [row for table in facts["tables"] for row in table]
    count = 0
    for name, row in expected_tables(report):
        check(row in shown, f"{place}: the table {name} lacks {row}")
        count += 1
    check(count >= 9, f"{place}: {count} rows in the tables of the report")


def expected_numbers(report):
    """What the page must say, as it is written for people."""
    if "runs" in report:
        return [percent(run["models"][run["subject"]]["metrics"]["accuracy"]["value"]) for run in report["runs"]]
    if "cascade" in report:
        cascade = report["cascade"]
        targets = [target for measured in cascade["measures"] for target in measured["targets"]]
        return [percent(cascade[side + "_accuracy"]["value"]) for side in ("student", "teacher")] + [
            f"{target['point']['threshold']:.4f}" for target in targets]
    if "all" in report:
        return [percent(report["all"][side]["pass_rate"]["value"]) for side in ("old", "new")] + [
            f"{gate['value']:.4f}" for gate in report["gates"]]
    numbers = []
    for model in report["models"].values():
        metrics = model["metrics"]
        if "accuracy" in metrics:
            numbers += [percent(metrics["accuracy"]), f"{metrics['ece']:.3f}", f"{metrics['macro_f1']:.3f}"]
        else:
            numbers += [f"{metrics['bleu']['value']:.2f}", f"{metrics['chrf']['value']:.2f}"]
    for pair in report["pairs"]:
        if "flips" in pair:
            numbers += [f"{pair['flips']['lost']} lost, {pair['flips']['won']} won", percent(pair["agreement"])]
        else:
            numbers.append(f"{pair['errors']['worse']} worse, {pair['errors']['better']} better")
    return numbers + [f"{gate['value']:.4f}".replace("-", "\u2212") for gate in report["gates"]]


def write(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_reports(retort, folder):
    def run(*arguments, status=0):
        result = subprocess.run([retort, *arguments], cwd=folder, capture_output=True, text=True)
        check(result.returncode == status, f"{arguments}: exit code {result.returncode}\n{result.stderr}")

    random.seed(3)
    names = ["refund", "delivery", "complaint"]
    rows, sides = [], {"teacher.jsonl": [], "student.jsonl": [], "other.jsonl": []}
    for index in range(240):
        label = names[index % 3]
        text = " ".join(random.choice(["where", "is", "my", "parcel", "money", "back", "please", "thank", "you"])
                        for _ in range(random.randint(3, 30)))
        rows.append({"id": f"r{index}", "text": text, "label": label, "language": random.choice(["en", "de"])})
        for file, strength in (("teacher.jsonl", 2.6), ("student.jsonl", 2.2), ("other.jsonl", 1.4)):
            weights = {name: random.random() + (strength * random.random() if name == label else 0) for name in names}
            total = sum(weights.values())
            sides[file].append({"id": f"r{index}", "latency_ms": random.uniform(1, 3) * strength,
                                "scores": {name: weight / total for name, weight in weights.items()}})
    write(folder / "rows.jsonl", rows)
    for file, answers in sides.items():
        write(folder / file, answers)
    for name, file in (("classes", "student.jsonl"), ("other", "other.jsonl")):
        run("eval", file, "--against", "teacher.jsonl", "--data", "rows.jsonl", "--slice", "language", "--gate",
            "accuracy >= 0.2*teacher", "--gate", "agreement >= 0.1", "--strict", "--output", name)
    run("report", "classes", "other", "--output", "runs")
    write(folder / "prompts.jsonl", [
        {"id": index, "text": f"Say it {index}.", "label": f"This is the answer, number {index}."} for index in range(40)])
    for file, share in (("old.jsonl", 0.9), ("new.jsonl", 0.7)):
        write(folder / file, [
            {"id": index, "text": f"This is the answer, number {index}." if random.random() < share else "Who knows?"}
            for index in range(40)])
    run("eval", "new.jsonl", "--against", "old.jsonl", "--data", "prompts.jsonl", "--gate", "bleu >= 10", "--output", "texts")
    run("compare", "old.jsonl", "new.jsonl", "--data", "prompts.jsonl", "--prompt", "text", "--expected", "label", "--gate",
        "pass_rate >= 0.5", "--gate", "regressions <= 0", "--output", "migration", status=1)
    (folder / "cascade").mkdir()
    run("cascade", "calibrate", "--student", "student.jsonl", "--teacher", "teacher.jsonl", "--data", "rows.jsonl",
        "--output", "cascade/cascade.json", "--html", "cascade/cascade.html")
    return [folder / name / file for name, file in (
        ("classes", "report"), ("texts", "report"), ("runs", "report"), ("migration", "compare"), ("cascade", "cascade"))]


def main(retort, run, pictures):
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        reports = [("recipe", run / "report/report")] if run else [
            (report.parent.name, report) for report in make_reports(retort, pathlib.Path(name))]
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
        browser = Browser(profile)
        try:
            for title, report in reports:
                document = json.loads(report.with_suffix(".json").read_text())
                numbers = expected_numbers(document)
                backgrounds = set()
                for width in (390, 1280):
                    for scheme in ("light", "dark"):
                        place = f"{title}, {width} px, {scheme}"
                        facts = browser.open(report.with_suffix(".html"), width, scheme)
                        requests = [event["params"]["request"]["url"] for event in browser.events
                                    if event.get("method") == "Network.requestWillBeSent"]
                        check(len(requests) == 1 and requests[0].startswith("file:"), f"{place}: requests {requests}")
                        messages = [event for event in browser.events if event.get("method") in (
                            "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")]
                        check(not messages, f"{place}: console {messages}")
                        if title == "recipe":
                            check_recipe(document, facts, place)
                        if title == "classes":
                            check(len(facts["charts"]) >= 4, f"{place}: {len(facts['charts'])} charts")
                        for chart in facts["charts"]:
                            check(chart["marks"] > 0 and chart["role"] == "img" and chart["name"], f"{place}: chart {chart}")
                            check(not chart["outside"], f"{place}: a chart leaves the screen: {chart['name']}")
                        check(facts["wide"] <= facts["screen"], f"{place}: {facts['wide']} pixels wide")
                        check(facts["unnamed"] == 0, f"{place}: regions without names")
                        for word in VERDICTS[title]:
                            check(word in facts["verdict"], f"{place}: the first screen lacks {word!r}")
                        check(facts["heading"] < 400, f"{place}: the verdict is not on the first screen")
                        for number in numbers:
                            check(number in facts["text"], f"{place}: {number} of report.json is not on the page")
                        backgrounds.add(facts["background"])
                        if pictures:
                            browser.picture(pictures / f"{title}-{width}-{scheme}.png")
                check(len(backgrounds) == 2, f"{title}: light and dark look alike: {backgrounds}")
                print(f"ok    {title}: no request, no message, every chart has marks, {len(numbers)} numbers agree",
                      flush=True)
        finally:
            browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("retort", nargs="?", type=pathlib.Path)
    parser.add_argument("--run", type=pathlib.Path)
    parser.add_argument("--pictures", type=pathlib.Path)
    given = parser.parse_args()
    if (given.retort is None) == (given.run is None):
        parser.error("give the program or a run")
    main(given.retort and given.retort.resolve(), given.run and given.run.resolve(), given.pictures)
