"""Where each data set comes from: one literal table, with the origin of each figure in it.

Sizes are bytes. Nobody has published a digest of some files: none is given then, and what can be
checked is that the archive is whole.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

LSPET_COMMIT = "8fabf3183516b1be5f9d44bd1c516609637e983e"
"""The public copy of LSPET at which the digests below were computed."""

JOINTS_DIGEST = "sha256:cc66465117888d9f43aac78c15c4548e37df5022640a193f2002fd084cba13ef"
"""Of LSPET's `joints.mat` in the public copy."""

PHOTOS_DIGEST = "sha256:3533771070b7e44d26ba0296810607c461d0d7125727a6276082b321457f96af"
"""Of LSPET's photographs in the public copy: `LC_ALL=C sha256sum *.jpg | sha256sum`."""


@dataclass(frozen=True)
class Download:
    """A file to download, and how to tell that it is right.

    Archives (.zip, .tar.gz) are unpacked into the set's folder without the folder `top` that they
    wrap everything in; any other file goes to the first of `gives`. `gives` is what the set's
    folder has afterwards. `about` is the size that the publisher rounds or that was measured on
    the content, `size` the exact one; `digest` is written ALGORITHM:HEX. `origin` says where
    these figures come from.
    """

    address: str
    gives: tuple[str, ...]
    about: int
    origin: str
    size: int | None = None
    digest: str | None = None
    top: str = ""
    name: str = ""

    @property
    def file(self) -> str:
        """What the file is called on disk."""
        return self.name or self.address.rpartition("/")[2]


class Place(NamedTuple):
    """A file or folder that belongs into the set's folder, and what it holds."""

    path: str
    content: str


@dataclass(frozen=True)
class Source:
    """What a data set is, its licence, its official page, its files and how many there are.

    Of each tuple in `downloads` one file is needed: they hold the same, and the first whose server
    answers is taken. `counts` are those of the whole set.
    """

    title: str
    summary: str
    licence: str
    page: str
    places: tuple[Place, ...]
    downloads: tuple[tuple[Download, ...], ...]
    counts: dict[str, int] = field(default_factory=dict)
    remark: str = ""


_COCO_ORIGIN = "size and SHA-256: TensorFlow Datasets, url_checksums/coco.txt"

SOURCES: dict[str, Source] = {
    "lsp": Source(
        title="Leeds Sports Pose, extended training set (LSPET)",
        summary="photographs of parkour, gymnastics and athletics, one person each, 14 joints",
        licence="research use; cite Johnson and Everingham, CVPR 2011",
        page="http://sam.johnson.io/research/lspet.html",
        places=(
            Place("images/im00001.jpg ...", "10,000 photographs"),
            Place("joints.mat", "`joints`: 14 joints x (x, y, flag) x people"),
        ),
        downloads=(
            (
                Download(
                    address="http://sam.johnson.io/research/lspet_dataset.zip",
                    gives=("images", "joints.mat"),
                    about=171_000_000,
                    origin="size of the content; no digest is published",
                ),
                Download(
                    address=f"https://codeload.github.com/axelcarlier/lsp/zip/{LSPET_COMMIT}",
                    name="lspet_axelcarlier.zip",
                    gives=("images", "joints.mat"),
                    about=171_000_000,
                    origin="size of the content, which has digests; made on demand",
                    top=f"lsp-{LSPET_COMMIT}",
                ),
            ),
        ),
        counts={"photographs": 10_000, "people": 10_000},
        remark=(
            "The official archive has been reported as gone since 2021; the public copy "
            "github.com/axelcarlier/lsp then takes its place."
        ),
    ),
    "mpii": Source(
        title="MPII Human Pose",
        summary="photographs from videos of everyday activities, 16 joints",
        licence=(
            "research use, none commercial (annotations: simplified BSD); "
            "cite Andriluka et al., CVPR 2014"
        ),
        page="http://human-pose.mpi-inf.mpg.de",
        places=(
            Place("images/000001163.jpg ...", "24,984 photographs"),
            Place("mpii_human_pose_v1_u12_1.mat", "the official annotations, of both splits"),
            Place("annot/valid.h5 or valid.json", "or: the 2,958 people of the test split"),
            Place("annot/train.h5 or train.json", "or: the 22,246 people of the train split"),
        ),
        downloads=(
            (
                Download(
                    address=(
                        "https://datasets.d2.mpi-inf.mpg.de/andriluka14cvpr/"
                        "mpii_human_pose_v1_u12_2.zip"
                    ),
                    gives=("mpii_human_pose_v1_u12_1.mat",),
                    about=12_500_000,
                    origin="rounded size: the official page; no digest is published",
                    top="mpii_human_pose_v1_u12_2",
                ),
            ),
            (
                Download(
                    address=(
                        "https://github.com/princeton-vl/pose-hg-train/raw/"
                        "4637618a1b162d80436bfd0b557833b5824cbb21/data/mpii/annot/valid.h5"
                    ),
                    gives=("annot/valid.h5",),
                    about=1_350_310,
                    size=1_350_310,
                    digest=(
                        "sha256:6c9e29d1472945abf370339d8a75e0da4117be52dcc3f589cb9f4a77cac2b760"
                    ),
                    origin="computed on a copy whose MD5 is the one that torchdata publishes",
                ),
            ),
            (
                Download(
                    address=(
                        "https://datasets.d2.mpi-inf.mpg.de/andriluka14cvpr/"
                        "mpii_human_pose_v1.tar.gz"
                    ),
                    gives=("images",),
                    about=12_900_000_000,
                    digest="md5:b6bc9c6869d3f035a5570b2e68ec84c4",
                    origin="rounded size: the official page; MD5: torchdata (anibali), MPII_Files",
                ),
            ),
        ),
        counts={"photographs": 24_984, "people of test": 2_958, "people of train": 22_246},
        remark="The test split is the usual validation split, Tompson's: MPII's own is not public.",
    ),
    "coco": Source(
        title="COCO 2017, person key points",
        summary="photographs of everyday scenes with several people, 17 key points",
        licence="annotations CC BY 4.0; photographs under their owners' Flickr licences",
        page="https://cocodataset.org/#download",
        places=(
            Place("annotations/person_keypoints_val2017.json", "annotations of val"),
            Place("annotations/person_keypoints_train2017.json", "annotations of train"),
            Place("val2017/000000000139.jpg ...", "5,000 photographs"),
            Place("train2017/000000000009.jpg ...", "118,287 photographs"),
        ),
        downloads=(
            (
                Download(
                    address=(
                        "http://images.cocodataset.org/annotations/annotations_trainval2017.zip"
                    ),
                    gives=(
                        "annotations/person_keypoints_train2017.json",
                        "annotations/person_keypoints_val2017.json",
                    ),
                    about=252_907_541,
                    size=252_907_541,
                    digest=(
                        "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268"
                    ),
                    origin=_COCO_ORIGIN,
                ),
            ),
            (
                Download(
                    address="http://images.cocodataset.org/zips/val2017.zip",
                    gives=("val2017",),
                    about=815_585_330,
                    size=815_585_330,
                    digest=(
                        "sha256:4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05"
                    ),
                    origin=_COCO_ORIGIN,
                ),
            ),
            (
                Download(
                    address="http://images.cocodataset.org/zips/train2017.zip",
                    gives=("train2017",),
                    about=19_336_861_798,
                    size=19_336_861_798,
                    digest=(
                        "sha256:69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929"
                    ),
                    origin=_COCO_ORIGIN,
                ),
            ),
        ),
        counts={
            "photographs of val2017": 5_000,
            "photographs of train2017": 118_287,
            "people with key points of val2017": 6_352,
            "people with key points of train2017": 149_813,
        },
    ),
}
