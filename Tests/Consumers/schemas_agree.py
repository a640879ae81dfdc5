"""Holds the JSON Schema verdicts of `retort compare` to those of the package jsonschema.

    python3 schemas_agree.py RETORT

RETORT is the built program. Every document is judged under every schema; exits 1 if a verdict differs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

SCHEMAS = [
    True, False, {}, {"type": "integer"}, {"type": ["string", "null"]}, {"enum": [1, "a", None, [1, {"b": 2}]]},
    {"const": {"a": 1}}, {"minimum": 1, "exclusiveMaximum": 3}, {"multipleOf": 0.5}, {"minLength": 2, "maxLength": 3},
    {"pattern": "^a+b?$"}, {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 2},
    {"prefixItems": [{"type": "string"}], "items": False}, {"uniqueItems": True}, {"contains": {"const": 1}},
    {"contains": {"type": "number"}, "minContains": 2, "maxContains": 2},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": {"type": "integer"}},
    {"minProperties": 1, "maxProperties": 1}, {"propertyNames": {"maxLength": 1}}, {"dependentRequired": {"a": ["b"]}},
    {"allOf": [{"type": "number"}, {"minimum": 2}]}, {"anyOf": [{"type": "string"}, {"minimum": 2}]},
    {"oneOf": [{"type": "number"}, {"type": "integer"}]}, {"not": {"type": "string"}},
    {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "number"}},
    {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}},
                                                "required": ["v"]}}},
    {"type": "string", "format": "date"},
]
DOCUMENTS = [
    None, True, False, 0, 1, 1.0, 1.5, 2, 3, -1, "", "a", "ab", "aab", "abc", "é", "👍👍", [], [1], [1, 2], ["s"], ["s", 1],
    [1, 1.0], [True, 1], [[1], [1]], [1, "1"], [1, 2, 3], {}, {"a": 1}, {"a": "1"}, {"a": 1, "b": 2}, {"b": 2}, {"xa": "s"},
    {"xa": 1}, {"y": 1}, {"long": 1}, {"v": 1}, {"v": 1, "child": {"v": 2}}, {"v": 1, "child": {"w": 2}}, [1, {"b": 2}],
    "2026-01-01",
]


def main(retort):
    retort = pathlib.Path(retort).resolve()
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        texts = [json.dumps(document) for document in DOCUMENTS] + ["{", "nul", "[1,]", "{'a': 1}", ""]
        with open(folder / "prompts.jsonl", "w") as prompts, open(folder / "answers.jsonl", "w") as answers:
            for index, text in enumerate(texts):
                prompts.write(json.dumps({"id": str(index), "prompt": "p"}) + "\n")
                answers.write(json.dumps({"id": str(index), "text": text}) + "\n")
        for schema in SCHEMAS:
            (folder / "schema.json").write_text(json.dumps(schema))
            command = [retort, "compare", "answers.jsonl", "answers.jsonl", "--data", "prompts.jsonl"]
            command += ["--json-schema", "schema.json", "--output", "out"]
            result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if result.returncode != 0:
                sys.exit(f"{schema}: {result.stderr}")
            rows = [json.loads(line) for line in open(folder / "out/verdicts.jsonl")]
            for text, row in zip(texts, rows):
                try:
                    valid = jsonschema.Draft202012Validator(schema).is_valid(json.loads(text))
                except json.JSONDecodeError:
                    valid = False
                if valid != ("json_fault" not in row["new"]):
                    wrong.append(f"{json.dumps(schema)} on {text!r}: {row['new'].get('json_fault')}, expected {valid}")
    print("\n".join(wrong) if wrong else f"ok    {len(SCHEMAS)} schemas agree on {len(texts)} texts")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
