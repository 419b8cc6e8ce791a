"""A running service tells of the newest comparison of trial reports."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from cds_hooks.audit import Store
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.runtime.trial_drift import TrialDriftWatch
from cds_hooks.settings import load_settings
from tests.trial.stored_trial import settings_file


async def test_the_newest_comparison_is_told_and_a_report_without_one_changes_nothing(
    tmp_path: Path,
) -> None:
    settings = load_settings(settings_file(tmp_path))
    store = Store(store_config(settings), site_key(settings, create=True))
    watch, registry = TrialDriftWatch(store), CollectorRegistry()
    registry.register(watch)
    await store.open()
    try:
        await store.record_event("trial-reported", left=["top1"], report_sha256="a")
        await watch.look()
        assert watch.checks() == {}
        assert b"chartside_trial_drifted_figures gauge\n" in generate_latest(registry)
        assert b"\nchartside_trial_drifted_figures" not in generate_latest(registry)
        await store.record_event("trial-reported", left=["top1", "top3"], compared_with="a")
        await store.record_event("trial-reported", left=[], report_sha256="c")
        await watch.look()
        assert watch.checks()["trial_drift"].startswith("left their interval: top1, top3 (report")
        assert b"chartside_trial_drifted_figures 2.0" in generate_latest(registry)
        await store.record_event("trial-reported", left=[], compared_with="a")
        await watch.look()
        assert watch.checks()["trial_drift"].startswith("none (report of 20")
        assert b"chartside_trial_drifted_figures 0.0" in generate_latest(registry)
        await store.record_event("trial-reported", left=["top1"], compared_with="a", service="s1")
        await store.record_event("trial-reported", left=[], compared_with="b", service="s2")
        await watch.look()
        assert watch.checks()["trial_drift"].startswith("left their interval: top1 of s1 (report")
        none = {"left": [], "compared_with": "a", "service": "s1", "not_compared": ["top1"]}
        await store.record_event("trial-reported", **none)
        await watch.look()
        assert watch.checks()["trial_drift"].startswith("none; not compared: top1 of s1 (report")
    finally:
        await store.close()
