"""Prompt templates as data, and the renderer that fits a chart into one. Pure.

`load` a template, `lay_out` a chart for it, have the layout's texts token-counted by the engine
in use, and `render` the prompt within its budget.
"""

from prompts.layout import Layout, LayoutLine, lay_out, state_words
from prompts.prompt import Message, Prompt, TemplateRef
from prompts.render import render
from prompts.self_evaluation import SelfEvaluation, load_self_evaluation
from prompts.template import StatusWords, Template, TemplateError, load
from prompts.text import neutral, visible
from prompts.timing import ago

__all__ = [
    "Layout",
    "LayoutLine",
    "Message",
    "Prompt",
    "SelfEvaluation",
    "StatusWords",
    "Template",
    "TemplateError",
    "TemplateRef",
    "ago",
    "lay_out",
    "load",
    "load_self_evaluation",
    "neutral",
    "render",
    "state_words",
    "visible",
]
