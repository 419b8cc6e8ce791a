"""A chat template looked at before any model is loaded: read as a tree, then tried in the sandbox.

To be called in the main thread of a process, because the trial is bounded by an alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jinja2 import Environment, TemplateSyntaxError, nodes

from cds_hooks.inference.model_catalogue.catalogue import ModelEntry
from cds_hooks.inference.model_checks.findings import FileFinding, FindingLevel
from cds_hooks.inference.model_files.chat_template import ChatTemplateError, Slot, bounded_scaffold

__all__ = ["lint_template"]

_ROLES = ("system", "user")


def lint_template(template: str, entry: ModelEntry | None) -> tuple[FileFinding, ...]:
    """What is to say of a file's chat template, and of the catalogue's where that stands in."""
    return tuple(_findings(template, entry))


def _findings(template: str, entry: ModelEntry | None) -> Iterator[FileFinding]:
    used = entry.chat_template if entry and entry.chat_template else template
    if not used:
        told = (
            "The file brings no chat template: name its publisher's chat_template.jinja as "
            "model.chat_template"
        )
        yield FileFinding("template-missing", FindingLevel.ERROR, told)
        return
    if used != template:
        yield FileFinding(
            "template-replaced", FindingLevel.INFO, "The site's chat template is used"
        )
    yield from _tree(used)
    yield from _trial(used, entry)


def _tree(template: str) -> Iterator[FileFinding]:
    """What stands in the template, whether or not a conversation would come to it."""
    try:
        tree = Environment(extensions=["jinja2.ext.loopcontrols"], autoescape=True).parse(template)
    except (TemplateSyntaxError, RecursionError):
        return  # the trial says so
    inner = sorted({name for name in _names(tree) if name.startswith("_")})
    if inner:
        told = f"It reads {', '.join(inner[:3])}, which no chat template needs"
        yield FileFinding("template-reads-internals", FindingLevel.ERROR, told)
    calls = {n.node.name for n in tree.find_all(nodes.Call) if isinstance(n.node, nodes.Name)}
    if "strftime_now" in calls:
        told = "It asks for the day, and is told the same one always"
        yield FileFinding("template-asks-the-day", FindingLevel.INFO, told)


def _names(tree: nodes.Template) -> Iterator[str]:
    """Attributes and constant keys that the template reads."""
    for attribute in tree.find_all(nodes.Getattr):
        yield attribute.attr
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str):
            yield item.arg.value
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name == "attr" and filtered.args and isinstance(filtered.args[0], nodes.Const):
            yield str(filtered.args[0].value)


def _trial(template: str, entry: ModelEntry | None) -> Iterator[FileFinding]:
    options = entry.template_options if entry else {}
    try:
        parts = bounded_scaffold(template, _ROLES, options=options)
    except ChatTemplateError as error:
        yield FileFinding("template-unusable", FindingLevel.ERROR, str(error).capitalize())
        return
    between = parts[parts.index(Slot(0)) + 1] if Slot(0) in parts else ""
    if isinstance(between, str) and not between.strip():
        told = "It knows no system message: its content goes to the head of the first user message"
        yield FileFinding("template-without-system", FindingLevel.INFO, told)
    yield from _thought(template, parts, entry)


def _thought(
    template: str, parts: Sequence[str | Slot], entry: ModelEntry | None
) -> Iterator[FileFinding]:
    """Whether the model is led to think, in the markers that the catalogue names."""
    thinking = entry.thinking if entry else None
    written = "".join(part for part in parts if isinstance(part, str))
    if thinking and thinking.stop not in template and thinking.stop not in written:
        told = (
            f"The catalogue says that a thought ends with {thinking.stop!r}, which it never names"
        )
        yield FileFinding("template-without-thinking", FindingLevel.WARNING, told)
    after = parts[-1] if parts and isinstance(parts[-1], str) else ""
    if thinking and thinking.stop in after:
        told = (
            "It closes the thought before the model begins: see template_options "
            "(docs/operators/model-variants.md)"
        )
        yield FileFinding("template-closes-thought", FindingLevel.WARNING, told)
