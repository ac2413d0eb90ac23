"""The fifteen claims of Jain et al. (2019), each with the functions that judge it."""

from collections.abc import Callable
from dataclasses import dataclass

from robustpose.report.claims import architectures, attacks, defences, failures, universal
from robustpose.report.claims.evidence import Evidence
from robustpose.report.claims.verdicts import Verdict

Judge = Callable[[Evidence], Verdict]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says, in our words, and how that is judged.

    `place` is where the paper shows it, `stated` what it says in numbers that are in no figure or
    table; `correction` what the corrected form does otherwise, and why.
    """

    number: str
    sentence: str
    place: str
    published: Judge
    corrected: Judge
    correction: str
    stated: str = ""


CLAIMS: tuple[Claim, ...] = (
    Claim(
        number="C1",
        sentence="Networks that answer with heatmaps are more robust than direct regression.",
        place="Figures 2a, 2b and 2d",
        published=architectures.heatmaps_resist,
        corrected=architectures.heatmaps_resist_matched,
        correction="One backbone and equal clean scores (the paper's regressor scores 54 where its "
        "heatmaps score 82 to 88), above chance",
    ),
    Claim(
        number="C2",
        sentence="Of the hourglass family, DLCM, which models the structure of bodies, is the most "
        "robust; of the heatmap networks, chained predictions are the least.",
        place="Figures 2a, 2b and 2d",
        published=architectures.structure_resists,
        corrected=architectures.structure_resists_matched,
        correction="Equal clean scores, no masked gradients, above chance",
    ),
    Claim(
        number="C3",
        sentence="Eight stacked hourglasses are more robust than two.",
        place="Figures 2a, 2b and 2d",
        published=architectures.stacks_resist,
        corrected=architectures.stacks_resist_matched,
        correction="Equal clean scores, above chance, and not where part of the gradient is zero, "
        "as it is for the authors' two stacks: an activation comes before their first convolution",
    ),
    Claim(
        number="C4",
        sentence="An attack on the losses of all stages is stronger than one on the last.",
        place="Figures 2a, 2b and 2d",
        published=attacks.all_stages_stronger,
        corrected=attacks.all_stages_stronger_corrected,
        correction="Above chance, over the small epsilons, where no gradient is masked",
    ),
    Claim(
        number="C5",
        sentence="Attacks of a single step are surprisingly ineffective.",
        place="Figures 2a and 2b",
        published=attacks.single_step_weak,
        corrected=attacks.single_step_weak_corrected,
        correction="Counted above chance",
    ),
    Claim(
        number="C6",
        sentence="Going from 10 to 100 iterations matters greatly, unlike in segmentation; every "
        "network then loses over 95 %.",
        place="Figure 2e",
        published=attacks.iterations_matter,
        corrected=attacks.iterations_matter_corrected,
        correction="Ten times as many steps as segmentation's rule has, all of one grey level, so "
        "that steps are not mixed up with their size; where no gradient is masked",
    ),
    Claim(
        number="C7",
        sentence="Targeted attacks are harder and need smaller steps; as epsilon grows, networks "
        "come together under untargeted attacks and drift apart under targeted ones.",
        place="Figures 2b and 2d",
        published=attacks.targets_harder,
        corrected=attacks.targets_harder_corrected,
        correction="100 steps for both",
        stated="Steps of ε/3 to ε/2 away, of ε/9 to ε/7 towards a target were found best",
    ),
    Claim(
        number="C8",
        sentence="Pre-training on ImageNet helps: ResDec then does nearly as well as DLCM.",
        place="Figure 2c",
        published=architectures.pretraining_helps,
        corrected=architectures.pretraining_helps_matched,
        correction="Equal clean scores, above chance",
    ),
    Claim(
        number="C9",
        sentence="Universal perturbations are as strong as those made for each image, and look "
        "like bodies.",
        place="Table 1 (own networks), Figures 2b and 3",
        published=universal.as_strong,
        corrected=universal.as_strong_corrected,
        correction="Above chance, and set against random noise of the same size",
        stated="At ε = 16 6.4 % are left on training and 9.9 % on other people, about 8 % by "
        "perturbations made for each image",
    ),
    Claim(
        number="C10",
        sentence="Universal perturbations of foreign networks take 30 to 40 % of the score; most "
        "among hourglasses, least of DeepPose and chained predictions.",
        place="Table 1",
        published=universal.transfers,
        corrected=universal.transfers_corrected,
        correction="Beyond random noise, without sources that share the victim's backbone (as the "
        "paper's DeepPose and chained predictions do)",
    ),
    Claim(
        number="C11",
        sentence="Hips, knees and ankles are the most vulnerable joints, head and neck the least.",
        place="Table 2",
        published=failures.joints_differ,
        corrected=failures.joints_differ_corrected,
        correction="Above chance: on MPII one constant pose has 28 % of the necks and 9 % of the "
        "ankles right",
    ),
    Claim(
        number="C12",
        sentence="Pose estimation is more robust than semantic segmentation.",
        place="section 4.1.1, Figure 2a",
        published=failures.pose_beats_segmentation,
        corrected=failures.pose_beats_segmentation_corrected,
        correction="One network with a head for each, an iterated attack, above chance (the paper "
        "compares by eye with another paper's figure); it is one training of one network",
    ),
    Claim(
        number="C13",
        sentence="Poses and heatmaps under attack stay plausible, so that neither gives it away.",
        place="examples in the figures; numbers in the supplement",
        published=failures.failures_hide,
        corrected=failures.failures_hide_corrected,
        correction="Under targeted and universal perturbations too",
    ),
    Claim(
        number="C14",
        sentence="Smoothing the image helps against both kinds of perturbation.",
        place="text",
        published=defences.smoothing_helps,
        corrected=defences.smoothing_helps_corrected,
        correction="An attacker who knows of it; what it costs on clean images counts",
    ),
    Claim(
        number="C15",
        sentence="Mirroring the image undoes perturbations made for it, but not universal ones.",
        place="text",
        published=defences.mirror_tells,
        corrected=defences.mirror_tells_corrected,
        correction="An attacker who knows of it",
        stated="5 to 10 % of the clean score become 70 to 75 % when mirrored; under universal "
        "perturbations nothing changes",
    ),
)
"""In the order of the project's list; sections other than 4.1.1 are not known to it."""
