"""Property values as the engine sends them, and as the rest of this package sees them: plain Python, and `UNKNOWN`.

Source of the signatures: Pulumi's `proto/pulumi/provider.proto` and `sdk/go/common/resource/plugin/rpc.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeGuard, final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.struct_pb2 import Struct
    from google.protobuf.struct_pb2 import Value as ProtoValue


@final
class Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
"""A value that only the update will tell: it stands for any value in a preview."""

UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_TEXTS = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def is_map(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a value is a list."""
    return isinstance(value, list)


def as_map(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if is_map(value) else {}


def as_list(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if is_list(value) else []


def has_unknown(value: object) -> bool:
    """Whether a value is, or holds at any depth, `UNKNOWN`."""
    if is_map(value):
        return any(has_unknown(item) for item in value.values())
    if is_list(value):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


def decode(struct: Struct) -> dict[str, Any]:
    """The properties in a protobuf Struct. Whole numbers become int; secrets and outputs become what they hold."""
    return {key: _decode_value(value) for key, value in struct.fields.items()}


def _decode_value(value: ProtoValue) -> Any:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWN_TEXTS else value.string_value
        case "list_value":
            return [_decode_value(item) for item in value.list_value.values]
        case "struct_value":
            return _decode_object(value.struct_value)
        case _:
            return None


def _decode_object(struct: Struct) -> Any:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature in {SECRET, OUTPUT}:
        # An output without a value is one that is not known yet.
        return _decode_value(fields["value"]) if "value" in fields else UNKNOWN
    return decode(struct)


def encode(properties: Mapping[str, Any]) -> Struct:
    """The protobuf Struct of some properties."""
    from google.protobuf.struct_pb2 import Struct

    struct = Struct()
    for key, value in properties.items():
        struct.fields[key].CopyFrom(_encode_value(value))
    return struct


def _encode_value(value: object) -> ProtoValue:
    from google.protobuf.struct_pb2 import ListValue, NullValue
    from google.protobuf.struct_pb2 import Value as Proto

    if value is None:
        return Proto(null_value=NullValue.NULL_VALUE)
    if value is UNKNOWN:
        return Proto(string_value=UNKNOWN_TEXT)
    if isinstance(value, bool):
        return Proto(bool_value=value)
    if isinstance(value, (int, float)):
        return Proto(number_value=value)
    if is_list(value):
        return Proto(list_value=ListValue(values=[_encode_value(item) for item in value]))
    if is_map(value):
        return Proto(struct_value=encode(value))
    return Proto(string_value=str(value))
