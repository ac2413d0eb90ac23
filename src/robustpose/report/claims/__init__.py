"""The fifteen claims of Jain et al. (2019), judged from numbers: those of a run, or their own."""

from robustpose.report.claims.claims import CLAIMS, Claim
from robustpose.report.claims.evidence import Evidence, Network
from robustpose.report.claims.published_evidence import PublishedEvidence, published_evidence
from robustpose.report.claims.run_evidence import RunEvidence
from robustpose.report.claims.table import Judged, judge_all, verdict_table
from robustpose.report.claims.verdicts import Outcome, Verdict

__all__ = [
    "CLAIMS",
    "Claim",
    "Evidence",
    "Judged",
    "Network",
    "Outcome",
    "PublishedEvidence",
    "RunEvidence",
    "Verdict",
    "judge_all",
    "published_evidence",
    "verdict_table",
]
