"""The rows of ECR."""

from __future__ import annotations

from .names import AutoName
from .row import Property, Resource, Response, Row, Step, Tagging, as_text, joined, tag_list
from .same import as_json
from .shape import Located


def _arn(r: Resource) -> str:
    return r.arn("repository")


def _read_repository(r: Resource) -> Response | None:
    found: Response = r.call("DescribeRepositories", repositoryNames=[r.id])["repositories"][0]
    return found | {"Tags": r.call("ListTagsForResource", resourceArn=_arn(r))["tags"]}


REPOSITORY = Row(
    type="aws:ecr/repository:Repository",
    service="ecr",
    cloudformation="AWS::ECR::Repository",
    key=joined(" ", "name"),
    name=AutoName("name", 256),
    properties={
        "name": Property(member="repositoryName", replaces=True),
        "imageTagMutability": Property(default="MUTABLE"),
        "imageScanningConfiguration": Property(computed=True, fields={"scanOnPush": Property(required=True)}),
        "encryptionConfigurations": Property(
            member="encryptionConfiguration",
            computed=True,
            encode=lambda blocks: blocks[0] if blocks else None,
            decode=lambda block: [block],
            fields={
                "encryptionType": Property(replaces=True, default="AES256"),
                "kmsKey": Property(replaces=True, computed=True),
            },
        ),
        "forceDelete": Property(local=True, hidden=True, default=False),
    },
    outputs={
        "arn": Property(member="repositoryArn"),
        "registryId": Property(),
        "repositoryUrl": Property(member="repositoryUri"),
    },
    create="CreateRepository",
    read=_read_repository,
    steps=(
        Step(("imageTagMutability",), "PutImageTagMutability"),
        Step(("imageScanningConfiguration",), "PutImageScanningConfiguration"),
    ),
    delete=lambda r: r.ask("DeleteRepository", force=bool(r["forceDelete"])),
    tags=Tagging(
        create=lambda tags: {"tags": Located("tags", tag_list(tags), whole=True)},
        tag=lambda r, tags: r.call("TagResource", resourceArn=_arn(r), tags=tag_list(tags)),
        untag=lambda r, keys: r.call("UntagResource", resourceArn=_arn(r), tagKeys=keys),
    ),
)

LIFECYCLE_POLICY = Row(
    type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
    service="ecr",
    source="pulumi-aws 7, its provider's schema: another repository or policy replaces it, the old one deleted first",
    key=joined(" ", "repository"),
    properties={
        "repository": Property(member="repositoryName", replaces=True),
        "policy": Property(member="lifecyclePolicyText", replaces=True, same=as_json, decode=as_text),
    },
    outputs={"registryId": Property()},
    create="PutLifecyclePolicy",
    read=lambda r: r.ask("GetLifecyclePolicy"),
    delete="DeleteLifecyclePolicy",
    stands_alone=False,
)

ROWS = (REPOSITORY, LIFECYCLE_POLICY)
