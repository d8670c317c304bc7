"""ECR as AWS does it, where immutable tags meet moto's differences.

Source of the AWS side: ECR API reference, PutImage.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.ecr import urls
from moto.ecr.models import ECRBackend, ecr_backends

if TYPE_CHECKING:
    from moto.ecr.models import Image, Repository


class ImageTagAlreadyExistsError(ServiceException):
    """Moto takes the service model from the module of an exception unless it is of our own."""

    code = "ImageTagAlreadyExistsException"

    def __init__(self, repository: str, tag: str) -> None:
        super().__init__(
            f"The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because "
            "the tag is immutable."
        )


class Ecr(ECRBackend):
    """The ECR of one account and region."""

    @property
    def _url_module(self) -> Any:
        return urls

    def put_image(
        self,
        repository_name: str,
        image_manifest: str,
        image_tag: str,
        image_manifest_mediatype: str | None = None,
        digest: str | None = None,
    ) -> Image:
        """ImageTagAlreadyExistsException for a tag that is taken and immutable (moto has the code of a same image)."""
        repository = self.repositories.get(repository_name)
        if repository and repository.image_tag_mutability == "IMMUTABLE":
            refuse_taken_tag(repository, image_tag)
        return super().put_image(repository_name, image_manifest, image_tag, image_manifest_mediatype, digest)


def refuse_taken_tag(repository: Repository, tag: str) -> None:
    """ImageTagAlreadyExistsException for a tag that an image of the repository has."""
    if any(tag in image.image_tags for image in repository.images):
        raise ImageTagAlreadyExistsError(repository.name, tag)


def install() -> None:
    """Make moto build `Ecr` wherever it builds an ECR backend."""
    ecr_backends.backend = Ecr
