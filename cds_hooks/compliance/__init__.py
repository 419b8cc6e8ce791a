"""Documents generated from the running configuration, for those who must judge the service."""

from cds_hooks.compliance.basis import BasisContent, basis_page
from cds_hooks.compliance.consultation import consultation_page
from cds_hooks.compliance.judging import Judging, judgements_on

__all__ = ["BasisContent", "Judging", "basis_page", "consultation_page", "judgements_on"]
