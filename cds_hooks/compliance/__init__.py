"""Documents for those who must judge the service: exports, and what clinicians said."""

from cds_hooks.compliance.judging import judgements_on

__all__ = ["judgements_on"]
