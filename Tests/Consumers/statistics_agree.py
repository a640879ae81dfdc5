"""Holds every number of `retort eval` on recorded answers to SciPy, scikit-learn, statsmodels, sacrebleu and rouge-score.

    python3 statistics_agree.py RETORT

RETORT is the built program. Inputs are generated, edge cases among them: all right, all wrong, ties, one class, an empty
slice, differences of zero. Also: the order of the rows changes nothing, and sides that do not pair up are refused by name.
Exits 1 if anything differs.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import sacrebleu
import scipy.special
import scipy.stats
import sklearn.metrics
from rouge_score import rouge_scorer
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

wrong = []


def near(name, found, expected, tolerance=1e-9):
    if found is None or not math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance):
        wrong.append(f"{name}: {found}, expected {expected}")


def true(name, condition, found=""):
    if not condition:
        wrong.append(f"{name} {found}")


class Program:
    def __init__(self, retort, folder):
        self.retort = pathlib.Path(retort).resolve()
        self.folder = pathlib.Path(folder)

    def write(self, name, rows):
        with open(self.folder / name, "w", encoding="utf-8") as out:
            for row in rows:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")

    def run(self, *arguments):
        command = [self.retort, *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def report(self, *arguments, status=0):
        result = self.run("eval", *arguments, "--json", "--queries", "0")
        if result.returncode != status:
            sys.exit(f"{arguments}: exit code {result.returncode}\n{result.stderr}")
        return json.loads(result.stdout)


# Classes -------------------------------------------------------------------------------------------------------------


def ece(confidence, correct):
    """15 equal-mass bins; rows of equal confidence share their mean."""
    order = np.argsort(confidence, kind="stable")
    confidence, correct = confidence[order], correct[order].astype(float)
    for value in np.unique(np.round(confidence, 12)):
        same = np.isclose(confidence, value, atol=1e-12, rtol=0)
        correct[same] = correct[same].mean()
    parts = np.array_split(np.arange(len(order)), min(15, len(order)))
    return sum(len(part) * abs(correct[part].mean() - confidence[part].mean()) for part in parts) / len(order)


def check_class_model(name, model, logits, labels, classes):
    predicted = logits.argmax(axis=1)
    metrics = model["metrics"]
    right = int((predicted == labels).sum())
    low, high = proportion_confint(right, len(labels), method="wilson")
    near(f"{name} accuracy", metrics["accuracy"], right / len(labels))
    near(f"{name} accuracy low", metrics["accuracy_low"], low)
    near(f"{name} accuracy high", metrics["accuracy_high"], high)
    near(f"{name} macro F1", metrics["macro_f1"], sklearn.metrics.f1_score(labels, predicted, average="macro", zero_division=0))
    near(f"{name} Matthews", metrics["matthews"], sklearn.metrics.matthews_corrcoef(labels, predicted))
    scores = sklearn.metrics.precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=0)
    for index, row in enumerate(model["per_class"]):
        for key, values in zip(("precision", "recall", "f1", "support"), scores):
            near(f"{name} class {index} {key}", row[key], float(values[index]))
    true(
        f"{name} confusion",
        model["confusion"] == sklearn.metrics.confusion_matrix(labels, predicted, labels=range(classes)).tolist(),
    )
    log_p = scipy.special.log_softmax(logits.astype(np.float64), axis=1)
    near(f"{name} ECE", metrics["ece"], ece(np.exp(log_p.max(axis=1)), predicted == labels), 1e-7)
    near(f"{name} NLL", metrics["nll"], float(-log_p[np.arange(len(labels)), labels].mean()), 1e-7)
    near(f"{name} reliability", sum(row["count"] for row in model["reliability"]), len(labels))


def wilcoxon(differences):
    if not np.any(differences):
        return 1.0
    return float(scipy.stats.wilcoxon(differences).pvalue)


def check_pair(name, pair, a, b, labels):
    log_p = scipy.special.log_softmax(a.astype(np.float64), axis=1)
    log_q = scipy.special.log_softmax(b.astype(np.float64), axis=1)
    kl = (np.exp(log_p) * (log_p - log_q)).sum(axis=1).clip(min=0)
    right_a, right_b = a.argmax(axis=1) == labels, b.argmax(axis=1) == labels
    lost, won = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    near(f"{name} n", pair["n"], len(labels))
    near(f"{name} agreement", pair["agreement"], float((a.argmax(axis=1) == b.argmax(axis=1)).mean()))
    near(f"{name} KL", pair["kl_mean"], float(kl.mean()), 1e-8)
    error = float(scipy.stats.sem(kl)) if len(kl) > 1 else 0.0
    near(f"{name} KL standard error", pair["kl_standard_error"], error, 1e-8)
    for percent in (50, 90, 99):
        near(f"{name} KL p{percent}", pair[f"kl_p{percent}"], float(np.percentile(kl, percent)), 1e-8)
    true(f"{name} flips", pair["flips"] == {"lost": lost, "won": won}, pair["flips"])
    table = [[int((right_a & right_b).sum()), lost], [won, int((~right_a & ~right_b).sum())]]
    near(f"{name} McNemar", pair["mcnemar_p"], float(mcnemar(table, exact=True).pvalue))
    rows = np.arange(len(labels))
    # Differences of less than 1e-12 are rounding, and ties.
    near(f"{name} Wilcoxon", pair["wilcoxon_p"], wilcoxon(np.round(log_q[rows, labels] - log_p[rows, labels], 12)), 1e-7)
    difference = pair["accuracy_difference"]
    near(f"{name} difference", difference["value"], float(right_b.mean() - right_a.mean()))
    values = right_b.astype(float) - right_a
    if len(set(values)) > 1:
        interval = scipy.stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
        ).confidence_interval
        # Two bootstraps of other random numbers; steps are 1/n wide.
        slack = 1.5 / len(values) + 0.1 * (interval.high - interval.low)
        near(f"{name} interval low", difference["low"], float(interval.low), slack)
        near(f"{name} interval high", difference["high"], float(interval.high), slack)
    else:
        true(f"{name} interval", difference["low"] == difference["high"] == values[0])


def class_cases():
    rng = np.random.default_rng(9)

    def generated(rows, classes, signal, noise):
        labels = rng.integers(0, classes, rows)
        a = rng.normal(size=(rows, classes)) + signal * np.eye(classes)[labels]
        return a, a + noise * rng.normal(size=a.shape), labels

    yield "two classes", *generated(300, 2, 1.5, 0.8)
    yield "five classes", *generated(211, 5, 1.2, 1.0)
    labels = rng.integers(0, 3, 40)
    right = 4 * np.eye(3)[labels] + rng.uniform(0, 1, (40, 3))
    yield "all right, all wrong", right, np.roll(right, 1, axis=1), labels
    yield "all right twice", right, right.copy(), labels
    a, b, labels = generated(160, 3, 1.0, 1.0)
    yield "ties", np.round(a), np.round(b), labels
    a, b, _ = generated(30, 2, 1.0, 1.0)
    yield "one class", a, b, np.zeros(30, dtype=int)
    yield "ten rows", *generated(10, 2, 0.5, 1.0)


def check_classes(program):
    rng = np.random.default_rng(4)
    for name, a, b, labels in class_cases():
        classes = a.shape[1]
        a, b = np.round(a, 3).astype(np.float32), np.round(b, 3).astype(np.float32)
        kinds = rng.integers(0, 3, len(labels))
        rows = [
            {"id": f"r{i}", "text": "x" * int(i % 7 + 1), "label": str(label), "kind": f"k{kinds[i]}"}
            for i, label in enumerate(labels)
        ]
        program.write("rows.jsonl", rows)
        for file, logits in (("a.jsonl", a), ("b.jsonl", b)):
            program.write(file, [
                {"id": f"r{i}", "label": str(row.argmax()), "logits": [round(float(x), 3) for x in row]}
                for i, row in enumerate(logits)
            ])
        arguments = ("b.jsonl", "--against", "a.jsonl", "--data", "rows.jsonl", "--slice", "kind")
        report = program.report(*arguments)
        check_class_model(f"{name}: a", report["models"]["teacher"], a, labels, classes)
        check_class_model(f"{name}: b", report["models"]["model"], b, labels, classes)
        check_pair(name, report["pairs"][0], a, b, labels)
        seen = 0
        for part in report["slices"]:
            if part["column"] != "kind":
                continue
            chosen = kinds == int(part["value"][1:])
            seen += part["rows"]
            near(f"{name} {part['value']} rows", part["rows"], int(chosen.sum()))
            check_pair(f"{name} {part['value']}", part["pairs"][0], a[chosen], b[chosen], labels[chosen])
            predicted = b[chosen].argmax(axis=1)
            near(f"{name} {part['value']} F1", part["models"]["model"]["macro_f1"],
                 sklearn.metrics.f1_score(labels[chosen], predicted, average="macro", zero_division=0))
        near(f"{name} slices", seen, len(labels))
        order = rng.permutation(len(rows))
        program.write("rows.jsonl", [rows[i] for i in order])
        shuffled = program.report(*arguments)
        for key in ("models", "pairs", "slices", "gates"):
            true(f"{name}: the order of the rows changes {key}", shuffled[key] == report[key])


# Numbers -------------------------------------------------------------------------------------------------------------


def check_numbers(program):
    rng = np.random.default_rng(5)
    cases = []
    for rows in (4, 12, 13, 14, 40, 50, 51, 200):
        truth = rng.normal(size=rows)
        a = truth + rng.normal(size=rows)
        cases.append((f"{rows} rows", truth, a, a + 0.4 * rng.normal(size=rows)))
        cases.append((f"{rows} rows, ties", np.round(truth), np.round(a), np.round(a + 0.7 * rng.normal(size=rows))))
    truth = rng.normal(size=20)
    cases.append(("no difference", truth, truth + 1, truth + 1))
    cases.append(("constant", truth, np.ones(20), truth))
    cases.append(("equal numbers whose mean is rounded", np.full(7, 0.1), np.full(7, 0.1), np.arange(7) / 10))
    cases.append(("large numbers", truth, 1e9 * truth + 1e10, 1e9 * rng.normal(size=20)))
    cases.append(("one row", truth[:1], truth[:1] + 1, truth[:1] - 2))
    for name, truth, a, b in cases:
        truth, a, b = (np.round(values, 2).astype(np.float32).astype(float) for values in (truth, a, b))
        program.write("rows.jsonl", [
            {"id": i, "text": "t", "label": repr(float(x))} for i, x in enumerate(truth)])
        for file, values in (("a.jsonl", a), ("b.jsonl", b)):
            program.write(file, [{"id": i, "value": float(x)} for i, x in enumerate(values)])
        report = program.report("b.jsonl", "--against", "a.jsonl", "--data", "rows.jsonl")
        for key, values in (("teacher", a), ("model", b)):
            metrics = report["models"][key]["metrics"]
            constant = len(set(values)) == 1 or len(set(truth)) == 1
            near(f"{name} {key} Pearson", metrics["pearson"]["value"],
                 0 if constant else scipy.stats.pearsonr(values, truth).statistic)
            near(f"{name} {key} Spearman", metrics["spearman"]["value"],
                 0 if constant else scipy.stats.spearmanr(values, truth).statistic)
            near(f"{name} {key} RMSE", metrics["rmse"]["value"], sklearn.metrics.root_mean_squared_error(truth, values))
        errors = report["pairs"][0]["errors"]
        differences = np.abs(b - truth) - np.abs(a - truth)
        near(f"{name} difference", errors["difference"]["value"], float(differences.mean()))
        # SciPy gives no number where all differences of more than 13 rows are zero.
        near(f"{name} Wilcoxon", errors["wilcoxon_p"], wilcoxon(differences), 1e-7)
        spread = scipy.stats.sem(differences) if len(differences) > 1 else 0.0
        effect = (scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.8)) * spread
        near(f"{name} detectable", errors["minimum_detectable_effect"], float(effect))
        # Of many rows of one length three quarters are empty: named, without numbers.
        lengths = [part for part in report["slices"] if part["column"] == "length"]
        true(f"{name} empty slices", [part["rows"] for part in lengths] == [len(truth), 0, 0, 0])
        true(f"{name} empty slices have no numbers", all(not part["models"] for part in lengths[1:]))


# Texts ---------------------------------------------------------------------------------------------------------------

TEXTS = [
    ("The cat sat on the mat.", "The cat sat on the mat."),
    ("the cat is on the mat", "The cat sat on the mat."),
    ("", "Something was expected here."),
    ("Completely other words", "nothing in common, whatsoever!"),
    ("It costs $3,000.50, i.e. 10-15% more (really?)", "It costs $3,000.50 - that is 10-15% more, really."),
    ("a-\nb <skipped> &quot;quoted&quot; &amp;&lt; x", "ab \"quoted\" &< x y z"),
    ("Größe und Straße — naïve café", "Die Größe der Straße, ein naïves Café"),
    ("日本語のテキストです。", "これは日本語のテキストです。"),
    ("👍 well done 👍🏽", "well done 👍"),
    ("  blanks \t around\u00a0 and\u2003between ", "blanks around and between"),
    ("x", "x"),
    ("...", ". . ."),
    ("1.5 2,5 .5 5. a.b a,b 3-4 -5", "1.5 2,5 0.5 5 a.b a, b 3-4 - 5"),
    ("(hi) 'there' \"you\" [and] {me}", "hi there 'you' and me!"),
    ("İstanbul KELVIN K ﬁne", "istanbul kelvin k fine"),
]
WORDS = "the a cat dog house runs quickly over under blue green 12 3.5 and, but. (or) not's e-mail".split(" ")


def check_texts(program):
    rng = np.random.default_rng(6)
    sets = {"edge cases": TEXTS, "all equal": [(b, b) for _, b in TEXTS], "nothing common": [("zz qq", "aa bb")] * 3}
    for number in range(4):
        rows = []
        for _ in range(30):
            expected = list(rng.choice(WORDS, rng.integers(1, 25)))
            text = [w for w in expected if rng.random() > 0.25] + list(rng.choice(WORDS, rng.integers(0, 5)))
            rows.append((" ".join(text), " ".join(expected)))
        sets[f"generated {number}"] = rows
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    for name, rows in sets.items():
        texts, expected = [a for a, _ in rows], [b for _, b in rows]
        program.write("rows.jsonl", [{"id": i, "text": "prompt", "label": b} for i, b in enumerate(expected)])
        program.write("a.jsonl", [{"id": i, "text": a} for i, a in enumerate(texts)])
        program.write("b.jsonl", [{"custom_id": str(i), "response": {"status_code": 200, "body": {"choices": [
            {"message": {"content": b}}]}}} for i, b in enumerate(expected)])
        report = program.report("a.jsonl", "--against", "b.jsonl", "--data", "rows.jsonl")
        metrics = {key: value["value"] for key, value in report["models"]["model"]["metrics"].items()}
        # Columns lose blanks at their ends.
        expected = [b.strip() for b in expected]
        near(f"{name} exact", metrics["exact_match"], float(np.mean([a.strip() == b.strip() for a, b in zip(texts, expected)])))
        near(f"{name} BLEU", metrics["bleu"], sacrebleu.corpus_bleu(texts, [expected]).score)
        near(f"{name} chrF", metrics["chrf"], sacrebleu.corpus_chrf(texts, [expected]).score)
        near(f"{name} chrF++", metrics["chrf_plus_plus"], sacrebleu.corpus_chrf(texts, [expected], word_order=2).score)
        rouge = [scorer.score(b, a) for a, b in zip(texts, expected)]
        for key, kind in (("rouge1", "rouge1"), ("rouge2", "rouge2"), ("rouge_l", "rougeL")):
            near(f"{name} {kind}", metrics[key], float(np.mean([row[kind].fmeasure for row in rouge])))
        errors = report["pairs"][0]["errors"]
        chrf = np.array([100 - sacrebleu.sentence_chrf(a, [b]).score for a, b in zip(texts, expected)])
        other = np.array([100 - sacrebleu.sentence_chrf(b, [b]).score for b in expected])
        near(f"{name} error", errors["difference"]["value"], float((chrf - other).mean()), 1e-8)
        near(f"{name} Wilcoxon", errors["wilcoxon_p"], wilcoxon(chrf - other), 1e-6)


# Gates, and what does not pair up ------------------------------------------------------------------------------------


def check_gates(program):
    rows = [{"id": f"r{i}", "text": f"text {i}", "label": "yes" if i % 2 else "no"} for i in range(200)]
    program.write("rows.jsonl", rows)
    program.write("a.jsonl", [{"id": row["id"], "label": row["label"]} for row in rows])
    flip = {"yes": "no", "no": "yes"}
    program.write("b.jsonl", [
        {"id": row["id"], "label": flip[row["label"]] if i % 40 == 0 else row["label"]} for i, row in enumerate(rows)])
    arguments = ("b.jsonl", "--against", "a.jsonl", "--data", "rows.jsonl", "--gate", "accuracy >= 0.97*teacher")
    report = program.report(*arguments)
    true("a gate on the value", report["passed"] and "ece" not in report["models"]["model"]["metrics"])
    report = program.report(*arguments, "--strict", status=1)
    margin = report["gates"][0]["margin"]
    near("the margin", margin["value"], 0.975 - 0.97)
    true("a strict gate", margin["low"] < 0 < margin["high"] and not report["passed"], margin)
    true("the failing rows", sorted(report["failing_rows"]) == sorted(f"r{i}" for i in range(0, 200, 40)))
    text = program.run("eval", *arguments, "--strict", "--queries", "0").stderr
    true("the failing rows in words", "r40: expected no, got yes: text 40" in text, text)

    def refused(name, answers, *expected, data=None):
        program.write("c.jsonl", answers)
        if data:
            program.write("odd.jsonl", data)
        result = program.run("eval", "c.jsonl", "--against", "a.jsonl", "--data", "odd.jsonl" if data else "rows.jsonl")
        true(f"{name}: exit code", result.returncode == 2, result.returncode)
        for part in expected:
            true(f"{name}: {part!r} in", part in result.stderr, result.stderr)

    answers = [{"id": row["id"], "label": row["label"]} for row in rows]
    refused("missing ids", answers[:-2], "has no answer to \"r198\"", "2 of 200 rows")
    refused("other ids", answers + [{"id": "x", "label": "yes"}], "has no row \"x\"")
    refused("an id twice", answers + [answers[3]], "\"r3\" is also the id of line 4")
    refused("another label", [dict(row, label="maybe") for row in answers], "maybe", "none of the classes")
    refused("an id twice in the data", answers, "\"r0\" is also the id of", data=rows + [rows[0]])
    refused("other classes", [{"id": row["id"], "scores": {"yes": 0.5, "perhaps": 0.5}} for row in answers], "label")
    refused("no answers", [{"id": row["id"]} for row in answers], "nothing that can be judged")


def main(retort):
    with tempfile.TemporaryDirectory() as folder:
        program = Program(retort, folder)
        for check in (check_classes, check_numbers, check_texts, check_gates):
            before = len(wrong)
            check(program)
            print(("ok    " if len(wrong) == before else "WRONG ") + check.__name__, flush=True)
    for text in wrong[:40]:
        print("  " + text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
