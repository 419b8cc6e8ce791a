"""The eleven questions of a compliance reviewer, answered for one installation.

Each has a short answer from what is there now, pages with the evidence, and the commands that give
the same offline. What is not there is said. Pure: facts in, answers out.
"""

from cds_hooks.compliance.questions.answers import Answer, answers
from cds_hooks.compliance.questions.facts import QuestionFacts, SwitchState
from cds_hooks.compliance.questions.questions import Command, Page, Question, questions

__all__ = [
    "Answer",
    "Command",
    "Page",
    "Question",
    "QuestionFacts",
    "SwitchState",
    "answers",
    "questions",
]
