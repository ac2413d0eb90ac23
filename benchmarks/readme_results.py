"""Write the tables of README.md from the files in results/, so that no number is typed by hand."""

import csv
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = "<!-- results: made by `python benchmarks/readme_results.py` from results/ -->"
END = "<!-- end of results -->"
STUDY = "jain2019-lsp"
EPSILON = 8
STRONG = "strong-lsp"
STRONGER = ("IGSM-U-10", "IGSM-U-100", "PGD-U-100x5", "pose-auto-attack-v1")
UNIVERSAL = 16
BESIDE = ("noise", "UAP-SGA", "FGSM-U", "IGSM-U-10")
COMPARED = ("deeppose-best-compact", "simcc-matched", "resdec-matched", "hourglass2-matched")
"""Networks of four kinds: coordinates, scores along axes, heatmaps, heatmaps in stages."""


def readme_with_results(readme: str, results: Path) -> str:
    """Return the text of README.md with its tables made afresh."""
    before, _, rest = readme.partition(START)
    _, _, after = rest.partition(END)
    made = [
        _clean_table(results),
        _attack_table(results),
        _strong_table(results),
        _universal_table(results),
        _claims_table(results),
    ]
    tables = "\n\n".join(made)
    return f"{before}{START}\n{tables}\n{END}{after}"


def _clean_table(results: Path) -> str:
    report = json.loads((results / "clean_scores.json").read_text())
    people = report["people"]
    scores = {(score["network"], score["people"]): score["pck"] for score in report["scores"]}
    networks = dict.fromkeys(score["network"] for score in report["scores"])
    header = [
        f"{name} (PCK@{entry['threshold']:g} {entry['reference']}, {entry['count']:,} people)"
        for name, entry in people.items()
    ]
    lines = [
        [network, *(f"{scores[network, name]:.1f}" for name in people)] for network in networks
    ]
    return _table(["clean score", *header], lines)


def _attack_table(results: Path) -> str:
    with (results / "lsp-test" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    attacked = [row for row in rows if row["eps255"] and float(row["eps255"]) == EPSILON]
    attacks = list(dict.fromkeys(row["attack"] for row in attacked))
    lines = []
    for network in dict.fromkeys(row["network"] for row in rows):
        own = {row["attack"]: row for row in attacked if row["network"] == network}
        clean = next(r for r in rows if r["network"] == network and r["attack"] == "clean")
        cells = [_relative(own[attack]) for attack in attacks]
        lines.append([network, f"{float(clean['score']):.1f}", *cells])
    header = [f"{attack}, relative [95 %]" for attack in attacks]
    return _table(["LSP test, eps 8/255", f"clean {rows[0]['measure']}", *header], lines)


def _strong_table(results: Path) -> str:
    with (results / STRONG / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    clean = {row["network"]: row for row in rows if row["attack"] == "clean"}
    sizes = list(dict.fromkeys(row["eps255"] for row in rows if row["attack"] == STRONGER[0]))
    lines = []
    for network in clean:
        for attack in STRONGER:
            own = [row for row in rows if (row["network"], row["attack"]) == (network, attack)]
            left = {row["eps255"]: _interval(row, "score") for row in own}
            score = f"{float(clean[network]['score']):.1f}"
            lines.append([network, attack, score, *(left.get(size, "not yet") for size in sizes)])
    people = rows[0]["people"]
    header = [f"LSP test, {people} people, {rows[0]['measure']}", "attack", "clean"]
    return _table(header + [f"{float(size):g}/255 [95 %]" for size in sizes], lines)


def _universal_table(results: Path) -> str:
    with (results / STUDY / "scores.csv").open() as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["eps255"] and float(row["eps255"]) == UNIVERSAL and row["network"] in COMPARED
        ]
    lines = [
        [network]
        + [
            _relative(row)
            for attack in BESIDE
            for row in rows
            if (row["network"], row["attack"]) == (network, attack)
        ]
        for network in dict.fromkeys(row["network"] for row in rows)
    ]
    people = rows[0]["people"]
    header = [f"LSP test, eps {UNIVERSAL}/255, {people} people"]
    names = ("noise", "one for everybody (UAP-SGA)", "one for each (FGSM-U)", "IGSM-U-10")
    return _table(header + [f"{name}, relative [95 %]" for name in names], lines)


def _claims_table(results: Path) -> str:
    with (results / STUDY / "claims.csv").open() as file:
        claims = list(csv.DictReader(file))
    lines = [
        [
            f"{claim['claim']}. {claim['sentence']}",
            claim["paper_says"],
            claim["as_published"],
            claim["as_corrected"],
        ]
        for claim in claims
    ]
    header = ["claim of the study", "by its own numbers", "here, as published", "here, corrected"]
    return _table(header, lines)


def _relative(row: dict[str, str]) -> str:
    return _interval(row, "relative")


def _interval(row: dict[str, str], name: str) -> str:
    middle, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def _table(header: list[str], lines: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *lines])


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(readme_with_results(path.read_text(), ROOT / "results"))
    print(f"wrote {path.name}")
