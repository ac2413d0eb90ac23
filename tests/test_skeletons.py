"""Skeletons: their joints, their mirrors and what is known of how well joints are annotated."""

import pytest

from robustpose.skeletons import COCO17, LSP14, MPII16, Skeleton

ALL = (LSP14, MPII16, COCO17)


@pytest.mark.parametrize("skeleton", ALL, ids=lambda skeleton: skeleton.name)
def test_every_joint_has_its_mirror_and_its_sigma(skeleton: Skeleton) -> None:
    sigmas = skeleton.oks_sigmas
    assert sigmas is not None
    assert len(sigmas) == len(skeleton) == len(set(skeleton.joints))
    assert [sigmas[place] for place in skeleton.mirror] == list(sigmas)
    assert [skeleton.mirror[place] for place in skeleton.mirror] == list(range(len(skeleton)))
    assert {joint for limb in skeleton.limbs for joint in limb} == set(skeleton.joints)


def by_name(skeleton: Skeleton) -> dict[str, float]:
    assert skeleton.oks_sigmas is not None
    return dict(zip(skeleton.joints, skeleton.oks_sigmas, strict=True))


def test_cocos_sigmas_are_the_official_ones() -> None:
    from pycocotools.cocoeval import Params

    assert COCO17.oks_sigmas == pytest.approx(Params("keypoints").kpt_oks_sigmas)


def test_lsp_has_cocos_sigmas_and_for_neck_and_head_those_of_mpii() -> None:
    coco, mpii = by_name(COCO17), by_name(MPII16)
    assert by_name(LSP14) == {joint: coco.get(joint, mpii.get(joint)) for joint in LSP14.joints}


def test_sigmas_are_no_part_of_what_a_skeleton_is() -> None:
    """Runs on disk and digests of weights know joints and limbs alone."""
    bare = Skeleton(COCO17.name, COCO17.joints, COCO17.limbs)
    assert bare.oks_sigmas is None
    assert bare == COCO17
    assert str(bare) == str(COCO17)
