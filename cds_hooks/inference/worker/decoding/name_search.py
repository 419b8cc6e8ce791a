"""Diagnoses that can only be terminology names: the search for them, and one sample's choices.

A small model knows diseases as running text. So the names are searched where it has seen them:
after a plain sentence such as "The most likely diagnosis is" (a lead, from the catalogue), with a
beam along the trie of all names, scored by the sum of log-probabilities including the end of the
name. Several leads are mixed by averaging their probabilities. Each sample then draws its own
order from that list without replacement, so agreement between samples keeps its meaning.

Each name keeps its log-probability: natural, at temperature 1, summed over its tokens including
the end of the name, and of the model's whole vocabulary. It is not renormalised over the names
that the trie allows: where the trie leaves one way, that way would cost nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cds_hooks.inference.worker.bindings.native import NativeContext
from cds_hooks.inference.worker.decoding.name_trie import NameTrie
from cds_hooks.inference.worker.decoding.sampling import Sampling, choose, log_total
from cds_hooks.inference.worker.decoding.token_batches import TokenBatch

__all__ = ["NameChoice", "RankedName", "WrittenName", "beam", "mix", "shuffled", "written"]

_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class RankedName:
    """A name by its number in the trie, with its log-probability."""

    leaf: int
    score: float


@dataclass(frozen=True, slots=True)
class WrittenName:
    """A name that a sample wrote, by its number, with its log-probability over `tokens` tokens,
    the end of the name counted as one."""

    leaf: int
    score: float
    tokens: int


@dataclass(slots=True)
class _Path:
    score: float
    node: int
    work: TokenBatch
    total: float

    @classmethod
    def at(cls, score: float, node: int, work: TokenBatch) -> _Path:
        """A path whose last token is evaluated; its logits are read before the next decode."""
        return cls(score, node, work, log_total(work.logits))

    def after(self, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
        """The score with each of these tokens behind it."""
        scores: NDArray[np.float64] = self.work.logits[tokens].astype(np.float64)
        return scores + (self.score - self.total)


def beam(
    context: NativeContext,
    trie: NameTrie,
    root: TokenBatch,
    ends: NDArray[np.intp],
    seqs: Sequence[int],
    keep: int,
) -> Generator[list[TokenBatch], None, list[RankedName]]:
    """The likeliest names after `root`, best first, at most `keep`.

    `root` is evaluated, `ends` are the tokens that can follow a name. One hypothesis uses one of
    `seqs`; twice the beam's width of them are needed, because a step forks the old ones.
    """
    width = len(seqs) // 2
    paths = [_Path.at(0.0, 0, root)]
    free = list(seqs)
    done: list[RankedName] = []
    for _ in range(_DEEPEST):
        done = _finished(trie, paths, ends, done, keep)
        steps = _steps(trie, paths, width, done[-1].score if len(done) == keep else -np.inf)
        if not steps:
            break
        used = [path.work.seq for path in paths if path.work is not root]
        works = []
        for _score, at, token, _node in steps:
            work = TokenBatch(free.pop(), paths[at].work.end, [token])
            context.fork(paths[at].work.seq, work.seq)
            works.append(work)
        for seq in used:
            context.drop(seq)
        free += used
        yield works
        paths = [
            _Path.at(score, node, work)
            for (score, _at, _token, node), work in zip(steps, works, strict=True)
        ]
    for path in paths:
        if path.work is not root:
            context.drop(path.work.seq)
    return done


def _finished(
    trie: NameTrie,
    paths: Sequence[_Path],
    ends: NDArray[np.intp],
    done: list[RankedName],
    keep: int,
) -> list[RankedName]:
    """`done` and the names that end where the paths are."""
    found = [
        RankedName(int(trie.leaf[path.node]), _total(path.after(ends)))
        for path in paths
        if trie.leaf[path.node] >= 0
    ]
    return sorted([*done, *found], key=lambda name: (-name.score, name.leaf))[:keep]


def _steps(
    trie: NameTrie, paths: Sequence[_Path], width: int, floor: float
) -> list[tuple[float, int, int, int]]:
    """The best `width` ways on, as (score, path, token, node), all better than `floor`."""
    found: list[tuple[float, int, int, int]] = []
    for at, path in enumerate(paths):
        tokens, nodes = trie.children(path.node)
        scores = path.after(tokens)
        found += [
            (float(scores[index]), at, int(tokens[index]), int(nodes[index]))
            for index in _largest(scores, width)
            if scores[index] > floor
        ]
    return heapq.nsmallest(width, found, key=lambda step: (-step[0], step[1], step[2]))


def _largest(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Where the `count` largest are, falling, ties by the lower index."""
    at = np.arange(len(scores))
    if len(scores) > count:
        at = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    return at[np.argsort(-scores[at], kind="stable")[:count]]


def _total(logs: NDArray[np.float64]) -> float:
    return float(np.logaddexp.reduce(logs))


def mix(lists: Sequence[Sequence[RankedName]], concept: NDArray[np.int32]) -> list[RankedName]:
    """One list out of several: probabilities averaged, one name a concept, best first.

    The name kept for a concept is its likeliest; its score is that of the whole concept.
    """
    total: dict[int, float] = {}
    best: dict[int, RankedName] = {}
    for name in (name for ranked in lists for name in ranked):
        key = int(concept[name.leaf])
        total[key] = float(np.logaddexp(total.get(key, -np.inf), name.score))
        if key not in best or name.score > best[key].score:
            best[key] = name
    mixed = [RankedName(best[key].leaf, total[key] - float(np.log(len(lists)))) for key in total]
    return sorted(mixed, key=lambda name: (-name.score, name.leaf))


def shuffled(
    names: Sequence[RankedName], temperature: float, random: np.random.Generator
) -> list[int]:
    """One sample's order: drawn without replacement by probability (the Gumbel-top-k trick).

    Source: Kool, van Hoof and Welling 2019, arXiv 1903.06059. Temperature 0 keeps the order.
    """
    scores = np.array([name.score for name in names])
    if temperature > 0:
        scores = scores / temperature + random.gumbel(size=len(scores))
    return [names[index].leaf for index in np.argsort(-scores, kind="stable")]


def written(names: Sequence[RankedName], spoken: NameTrie) -> dict[int, WrittenName]:
    """What a sample that takes these names from the search writes, by number: the score is that of
    the search, as no sample evaluates the tokens of such a name one by one."""
    ends = 1
    return {
        name.leaf: WrittenName(name.leaf, name.score, len(spoken.path(name.leaf)) + ends)
        for name in names
    }


@dataclass(slots=True)
class NameChoice:
    """The names of one sample: an order to take them from, then the trie, never one concept twice.

    `trie` holds the names as JSON string content. `node` is where in the trie a name is being
    written, -1 outside of one. `listed` are the names that the search found, `said` those that
    the sample wrote so far.
    """

    trie: NameTrie
    order: list[int] = field(default_factory=list)
    node: int = -1
    listed: Mapping[int, WrittenName] = field(default_factory=dict)
    said: list[WrittenName] = field(default_factory=list)
    _score: float = 0.0
    _tokens: int = 0
    _said: set[int] = field(default_factory=set)
    _gone: dict[int, int] = field(default_factory=dict)

    def next_listed(self) -> list[int] | None:
        """Token ids of the next name of the order, or None when the trie has to be walked."""
        while self.order:
            leaf = self.order.pop(0)
            if int(self.trie.concept[leaf]) not in self._said:
                self._use(leaf)
                if leaf in self.listed:
                    self.said.append(self.listed[leaf])
                return self.trie.path(leaf)
        return None

    def told(self, pieces: Sequence[bytes]) -> list[tuple[str, float, int]]:
        """The names that were written, each with its log-probability and tokens, for a frame."""
        return [
            (
                b"".join(pieces[t] for t in self.trie.path(name.leaf)).decode(),
                name.score,
                name.tokens,
            )
            for name in self.said
        ]

    def exhausted(self) -> bool:
        """Whether every name has been written."""
        return self._left(0) == 0

    def draw(
        self,
        logits: NDArray[np.float32],
        ends: NDArray[np.intp],
        how: Sampling,
        random: np.random.Generator,
    ) -> int | None:
        """The next token of the name being written, or None when the name ends here."""
        tokens, nodes = self.trie.children(self.node)
        live = self._live(nodes)
        tokens, nodes = tokens[live], nodes[live]
        leaf = int(self.trie.leaf[self.node])
        scores = logits[tokens].astype(np.float64)
        if leaf >= 0 and int(self.trie.concept[leaf]) not in self._said:
            scores = np.append(scores, _total(logits[ends].astype(np.float64)))
        at = choose(scores, how, random)
        self._score += float(scores[at]) - log_total(logits)
        self._tokens += 1
        if at == len(tokens):
            self._use(leaf)
            self.said.append(WrittenName(leaf, self._score, self._tokens))
            self.node, self._score, self._tokens = -1, 0.0, 0
            return None
        self.node = int(nodes[at])
        return int(tokens[at])

    def _live(self, nodes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of a node's children, which follow on each other, still lead to a name."""
        left = self.trie.below[nodes]
        begin = int(nodes[0]) if len(nodes) else 0
        for node, gone in self._gone.items():
            if 0 <= node - begin < len(nodes):
                left[node - begin] -= gone
        alive: NDArray[np.bool_] = left > 0
        return alive

    def _left(self, node: int) -> int:
        return int(self.trie.below[node]) - self._gone.get(node, 0)

    def _use(self, leaf: int) -> None:
        concept = int(self.trie.concept[leaf])
        self._said.add(concept)
        for same in self.trie.of_concept(concept):
            for node in self.trie.nodes_to(same):
                self._gone[node] = self._gone.get(node, 0) + 1
