"""Writes evaluation.json: what SciPy, scikit-learn and statsmodels say about generated and edge-case predictions.

Made with Python 3.11+, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, statsmodels 0.15.0:

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0
    python Tests/Golden/evaluation.py
"""

import json
import pathlib

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
import sklearn.metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def bootstrap(values, resamples, seed):
    """The percentile bootstrap with the generator of Bootstrap.swift."""
    values = sorted(values)
    n = len(values)
    means = []
    for r in range(resamples):
        state = mix((mix(seed) + GAMMA * (r + 1)) & MASK)
        total = 0.0
        for j in range(n):
            total += values[(mix((state + GAMMA * (j + 1)) & MASK) * n) >> 64]
        means.append(total / n)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"value": float(np.mean(values)), "low": float(low), "high": float(high)}


def calibration(confidence, correct):
    """15 equal-mass bins; rows of equal confidence (up to rounding) share their mean."""
    order = np.argsort(confidence, kind="stable")
    confidence, correct = confidence[order], correct[order].astype(float)
    start = 0
    while start < len(order):
        same = np.flatnonzero((confidence >= confidence[start]) & (confidence <= confidence[start] + 1e-12))
        correct[same] = correct[same].mean()
        start = same[-1] + 1
    bins = []
    for rows in np.array_split(np.arange(len(order)), min(15, len(order))):
        bins.append([len(rows), float(confidence[rows].mean()), float(correct[rows].mean())])
    ece = sum(count * abs(hit - sure) for count, sure, hit in bins) / len(order)
    return float(ece), bins


def metrics(logits, labels):
    classes = logits.shape[1]
    log_p = scipy.special.log_softmax(logits.astype(np.float64), axis=1)
    predicted = logits.argmax(axis=1)
    right = int((predicted == labels).sum())
    low, high = proportion_confint(right, len(labels), method="wilson")
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(classes), zero_division=0)
    ece, bins = calibration(np.exp(log_p.max(axis=1)), predicted == labels)
    return {
        "accuracy": [right / len(labels), float(low), float(high)],
        "macro_f1": sklearn.metrics.f1_score(labels, predicted, average="macro", zero_division=0),
        "matthews": sklearn.metrics.matthews_corrcoef(labels, predicted),
        "per_class": [[float(p), float(r), float(f), int(s)] for p, r, f, s in zip(precision, recall, f1, support)],
        "confusion": sklearn.metrics.confusion_matrix(labels, predicted, labels=range(classes)).tolist(),
        "nll": sklearn.metrics.log_loss(labels, np.exp(log_p), labels=range(classes))
        if np.exp(log_p).min() > 1e-12 else float(-log_p[np.arange(len(labels)), labels].mean()),
        "ece": ece,
        "bins": bins,
    }


def pair(a, b, labels):
    log_p = scipy.special.log_softmax(a.astype(np.float64), axis=1)
    log_q = scipy.special.log_softmax(b.astype(np.float64), axis=1)
    p, q = np.exp(log_p), np.exp(log_q)
    kl = scipy.stats.entropy(p, q, axis=1) if q.min() > 0 else (p * (log_p - log_q)).sum(axis=1)
    right_a, right_b = a.argmax(axis=1) == labels, b.argmax(axis=1) == labels
    lost, won = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    table = [[int((right_a & right_b).sum()), lost], [won, int((~right_a & ~right_b).sum())]]
    return {
        "agreement": float((a.argmax(axis=1) == b.argmax(axis=1)).mean()),
        "kl_mean": float(kl.mean()),
        "kl_p50": float(np.quantile(kl, 0.5)),
        "kl_p99": float(np.quantile(kl, 0.99)),
        "difference": float(right_b.mean() - right_a.mean()),
        "mcnemar_p": float(mcnemar(table, exact=True).pvalue),
        "lost": lost,
        "won": won,
        "minimum_detectable_effect": detectable(lost + won, len(labels)),
    }


def detectable(discordant, rows):
    """The effect whose power, by Connor's (1987) normal approximation, is 80 %."""
    observed = discordant / rows

    def power(effect):
        psi = max(observed, effect)
        # An effect as large as its discordance has no spread left only at 1.
        spread = np.sqrt(max(psi - effect**2, 1e-300))
        z = (np.sqrt(rows) * effect - scipy.stats.norm.ppf(0.975) * np.sqrt(psi)) / spread
        return scipy.stats.norm.cdf(z) - 0.8

    if power(1.0) < 0:
        return 1.0
    return float(scipy.optimize.brentq(power, 1e-9, 1.0, xtol=1e-15))


def case(name, a, b, labels):
    a, b = np.round(a, 3).astype(np.float32), np.round(b, 3).astype(np.float32)
    return {
        "name": name,
        "classes": a.shape[1],
        "labels": labels.tolist(),
        "a": [round(float(x), 3) for x in a.ravel()],
        "b": [round(float(x), 3) for x in b.ravel()],
        "metrics_a": metrics(a, labels),
        "metrics_b": metrics(b, labels),
        "pair": pair(a, b, labels),
    }


def generated(rng, rows, classes, signal, noise):
    labels = rng.integers(0, classes, rows)
    a = rng.normal(size=(rows, classes)) + signal * np.eye(classes)[labels]
    return a, a + noise * rng.normal(size=a.shape), labels


def main():
    rng = np.random.default_rng(20260801)
    cases = [
        case("two classes", *generated(rng, 240, 2, 2.0, 0.7)),
        case("five classes", *generated(rng, 180, 5, 1.5, 1.0)),
    ]
    labels = rng.integers(0, 3, 40)
    right = 4.0 * np.eye(3)[labels] + rng.uniform(0, 1, (40, 3))
    wrong = 4.0 * np.eye(3)[(labels + 1) % 3] + rng.uniform(0, 1, (40, 3))
    cases.append(case("all right against all wrong", right, wrong, labels))
    a, b, labels = generated(rng, 60, 3, 2.0, 0.5)
    a[:, 2] -= 20
    cases.append(case("a class that is never predicted", a, b, labels))
    a, b, labels = generated(rng, 60, 4, 2.0, 0.5)
    labels[labels == 3] = 0
    cases.append(case("a class without rows", a, b, labels))
    a, b, labels = generated(rng, 200, 3, 1.0, 1.0)
    cases.append(case("ties", np.round(a), np.round(b), labels))
    cases.append(case("constant model", np.tile([0.5, 0.1], (30, 1)), np.tile([0.1, 0.5], (30, 1)), np.arange(30) % 2))
    cases.append(case("one row", np.array([[1.0, -1.0]]), np.array([[-0.5, 0.25]]), np.array([0])))
    a, b, labels = generated(rng, 50, 2, 2.0, 2.0)
    cases.append(case("extreme logits", a * 5e3, b * 5e3, labels))

    tables = [(0, 0), (0, 1), (1, 0), (0, 6), (3, 3), (5, 2), (12, 30), (113, 26), (2900, 3000), (700, 1600)]
    values = [-1.0] * 9 + [1.0] * 4 + [0.0] * 47
    scores = [round(float(x), 4) for x in rng.normal(0.2, 1, 80)]
    reference = scipy.stats.bootstrap(
        (np.array(scores),), np.mean, n_resamples=200_000, method="percentile", rng=np.random.default_rng(1))
    golden = {
        "cases": cases,
        "mcnemar": [
            [b, c, float(scipy.stats.binomtest(min(b, c), b + c, 0.5).pvalue) if b + c else 1.0] for b, c in tables
        ],
        "wilson": [
            [k, n, *map(float, proportion_confint(k, n, method="wilson"))]
            for k, n in [(0, 1), (1, 1), (0, 50), (50, 50), (7, 10), (1960, 2101), (2100, 2101)]
        ],
        "detectable": [
            [d, n, detectable(d, n)]
            for d, n in [(0, 1), (0, 3), (0, 100), (5, 100), (100, 100), (0, 2101), (4, 2101), (84, 2101), (600, 2101)]
        ],
        "bootstrap": [
            {"values": values, "resamples": 1500, "seed": 42, "expected": bootstrap(values, 1500, 42)},
            {"values": scores, "resamples": 1000, "seed": 2**64 - 1, "expected": bootstrap(scores, 1000, 2**64 - 1)},
        ],
        "scipy_bootstrap": {
            "values": scores,
            "low": float(reference.confidence_interval.low),
            "high": float(reference.confidence_interval.high),
        },
    }
    target = pathlib.Path(__file__).with_suffix(".json")
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
