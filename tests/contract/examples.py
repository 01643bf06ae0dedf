"""Holds a description to its own examples.

    examples.py docs/openapi.yaml

Checks the file against OpenAPI 3.1, each example of a schema against that schema, and that each schema by which a request or
an answer is read has an example.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import yaml

MEDIA_TYPES = ("application/json", "application/problem+json")


def nodes(value: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the document, with its place."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from nodes(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, f"{path}/{index}")


def referenced(schema: Any) -> Iterator[str]:
    """The component schemas that a schema of a request or an answer names."""
    for _, node in nodes(schema):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference.rsplit("/", 1)[-1]


def examples_fit(document: dict[str, Any]) -> Iterator[str]:
    """What is wrong with examples."""
    for path, node in nodes(document):
        # `examples` is also the name of a list of named ones, which media types have; schemas have a plain list.
        if not isinstance(node.get("examples"), list):
            continue
        schema = {**node, "components": document["components"]}
        validator = jsonschema_rs.validator_for(schema, validate_formats=True)
        for index, example in enumerate(node["examples"]):
            for error in validator.iter_errors(example):
                yield f"{path}/examples/{index}: {error.message}"


def bodies_have_examples(document: dict[str, Any]) -> Iterator[str]:
    """Which bodies are described without an example."""
    schemas = document["components"]["schemas"]
    for path, node in nodes(document):
        content = node.get("content")
        if not isinstance(content, dict):
            continue
        for media_type in MEDIA_TYPES:
            if media_type in content:
                names = list(referenced(content[media_type]["schema"]))
                if not names:
                    yield f"{path}: its schema is no component"
                yield from (f"{path}: {name} has no example" for name in names if "examples" not in schemas[name])


def main(file: str) -> int:
    document = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    openapi_spec_validator.validate(document)
    wrong = sorted({*examples_fit(document), *bodies_have_examples(document)})
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    count = sum(len(node["examples"]) for _, node in nodes(document) if isinstance(node.get("examples"), list))
    print(f"{file}: OpenAPI {document['openapi']}, {count} examples, {len(wrong)} wrong")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
