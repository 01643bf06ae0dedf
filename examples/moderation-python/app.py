"""A judge of messages written in Python: patterns instead of a word list.

It takes the place of `components/moderation` by a change of the manifest alone: see README.md beside this file.
"""

import json
import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.moderation import (
    Message,
    Verdict,
    Verdict_Allow,
    Verdict_Reject,
    Verdict_Replace,
    Verdict_Shadow,
)

# Most patterns of a namespace, longest pattern in signs, most namespaces remembered.
PATTERNS_MAX = 200
PATTERN_SIGNS = 200
NAMESPACES_MAX = 100

# What the rules say may be done; the later weighs more.
ACTS = ["replace", "shadow", "reject"]

Rules = list[tuple[re.Pattern[str], str]]

# Namespace -> its rules. An instance is used again for many requests, and may be dropped at any time.
in_force: dict[str, Rules] = {}


def read(rules: bytes) -> Rules:
    """Rules are `{"patterns":[{"pattern":"b[a4]d","do":"replace|shadow|reject"}]}`. Raises ValueError, which says why not."""
    document = json.loads(rules)
    patterns = document.get("patterns") if isinstance(document, dict) else None
    if not isinstance(patterns, list) or len(patterns) > PATTERNS_MAX:
        raise ValueError(f'"patterns" must be a list of at most {PATTERNS_MAX}')
    read_so_far: Rules = []
    for number, entry in enumerate(patterns, start=1):
        pattern = entry.get("pattern") if isinstance(entry, dict) else None
        if not isinstance(pattern, str) or not 0 < len(pattern) <= PATTERN_SIGNS:
            raise ValueError(f'entry {number}: "pattern" is a text of 1 to {PATTERN_SIGNS} signs')
        if entry.get("do") not in ACTS:
            raise ValueError(f'entry {number}: "do" is one of {", ".join(ACTS)}')
        try:
            read_so_far.append((re.compile(pattern, re.IGNORECASE), entry["do"]))
        except re.error as error:
            raise ValueError(f"entry {number}: {error}") from error
    return read_so_far


class Judging:
    """One look at one message: the weightiest act found, and the data with what is to be replaced blotted out."""

    def __init__(self, rules: Rules):
        self.rules = rules
        self.weight = -1
        self.replaced = False

    def text(self, text: str) -> str:
        for pattern, act in self.rules:
            if not pattern.search(text):
                continue
            self.weight = max(self.weight, ACTS.index(act))
            if act == "replace":
                blotted = pattern.sub(lambda found: "*" * len(found.group()), text)
                self.replaced = self.replaced or blotted != text
                text = blotted
        return text

    def value(self, value: object) -> object:
        """Every text in a JSON value, but not the names of members."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {name: self.value(item) for name, item in value.items()}
        return value


def verdict(message: Message) -> Verdict:
    namespace = message.room.split(".", 1)[0] if "." in message.room else "default"
    judging = Judging(in_force.get(namespace, []))
    try:
        data = judging.value(json.loads(message.data or "null"))
    except (ValueError, RecursionError):
        return Verdict_Reject("the message cannot be read")
    if judging.weight == ACTS.index("reject"):
        return Verdict_Reject("the message is not allowed here")
    if judging.weight == ACTS.index("shadow"):
        return Verdict_Shadow()
    if judging.replaced:
        return Verdict_Replace(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    return Verdict_Allow()


class Moderation(exports.Moderation):
    """What the world `tidegate:moderation/provider` exports."""

    def configure(self, namespace: str, version: str, rules: bytes) -> None:
        if not rules:
            in_force.pop(namespace, None)
            return
        try:
            new = read(rules)
        except (ValueError, RecursionError) as error:
            # The rules that held before stay in force.
            raise Err(str(error)) from error
        if namespace not in in_force and len(in_force) >= NAMESPACES_MAX:
            raise Err(f"rules of {NAMESPACES_MAX} namespaces are remembered at most")
        in_force[namespace] = new

    def judge_at_once(self, message: Message) -> Verdict | None:
        return verdict(message)

    async def judge(self, message: Message) -> Verdict:
        return verdict(message)
