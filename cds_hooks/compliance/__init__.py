"""Documents generated from the running configuration, for those who must judge the service."""

from cds_hooks.compliance.basis import Basis, basis_page
from cds_hooks.compliance.consultation import consultation_page

__all__ = ["Basis", "basis_page", "consultation_page"]
