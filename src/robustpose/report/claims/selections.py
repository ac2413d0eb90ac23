"""Which networks a claim is about."""

from collections.abc import Collection

from robustpose.report.claims.evidence import Evidence, Network


def whole(evidence: Evidence, families: Collection[str] | None = None) -> list[Network]:
    """Return the networks as they were trained, undefended; only those of some families."""
    return [
        network
        for network in evidence.networks
        if network.whole
        and network.base is None
        and (families is None or network.family in families)
    ]


def unmasked(evidence: Evidence) -> list[Network]:
    """Return the whole networks whose gradient is not partly zero, as far as that is known."""
    return [network for network in whole(evidence) if not evidence.masked(network.label)]


def behind(evidence: Evidence, defences: Collection[str]) -> list[Network]:
    """Return the networks behind one of some defences alone, of any strength ("gaussian:1")."""
    return [
        network
        for network in evidence.networks
        if network.defence is not None
        and network.defence.partition(":")[0] in defences
        and "+" not in network.defence
    ]
