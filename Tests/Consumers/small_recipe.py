"""A recipe with every stage that runs in seconds, for the tests that kill, fail or watch runs.

Its rows can be learned: do two words of a kind occur?
"""

import pathlib

KINDS = {"colour": ["red", "green", "blue", "grey"], "animal": ["cat", "dog", "horse", "cow"]}

RECIPE = """\
schema: 1
name: small
seed: 7
task: classification
data: {train: train.csv, validation: validation.csv, test: test.csv, max_length: 32}
tokenizer: {vocabulary: 120, minimum_frequency: 1}
teacher:
  train: {layers: 2, hidden: 32, heads: 4, feed_forward: 64, epochs: 3, batch: 16, learning_rate: 2.0e-3}
student: {layers: 2, hidden: 16, heads: 4, feed_forward: 32}
loss:
  cross_entropy: 0.5
  kl: {weight: 0.5, temperature: 2}
  features: {weight: 1.0, pairs: [[1, 1], [2, 2]]}
train: {epochs: 4, batch: 16, learning_rate: 3.0e-3, baseline: true}
prune:
  heads: {keep: 0.5, rounds: 2, recover_steps: 10, calibration: 64}
  feed_forward: {keep: 0.75}
quantize: {method: qat, steps: 10, calibration: {rows: 64}}
export: [onnx, safetensors]
evaluate: {metrics: [accuracy], latency_queries: 5}
run: {checkpoint_every: 5}
"""


def write(folder, rows=240):
    """Writes the recipe and its data into a folder; returns the recipe's path, from which the program is to be started."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, start, count in [("train", 0, rows), ("validation", rows, 60), ("test", rows + 60, 60)]:
        lines = ["text,label"]
        for row in range(start, start + count):
            label = list(KINDS)[row % 2]
            words = KINDS[label]
            lines.append(f'"the {words[row % 4]} and the {words[(row // 4 + 1) % 4]}, no. {row}",{label}')
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    recipe = folder / "small.yaml"
    recipe.write_text(RECIPE)
    return recipe


def only_run(folder):
    """The only run in a folder of runs."""
    (run,) = pathlib.Path(folder).iterdir()
    return run
