"""The engine's ResourceProvider service: each method turns a message into a call of this package, and back."""

# The generated protocol has no types that a servicer's methods could be held to.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedBaseClass=false

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from sandbox import pace

from . import configuration, values
from .errors import IncompleteError, ProviderError
from .protocol import engine, engines, messages, plugin, services, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from .lifecycle import Lifecycle
    from .row import Account, Invoke

_SDK = "pulumi-aws"


@dataclass(frozen=True)
class Session:
    """What Configure leaves for the other methods."""

    account: Account
    invoke: Invoke
    default_tags: Any


def one_line(method: Callable[[Any, Any, grpc.ServicerContext], Any]) -> Callable[..., Any]:
    """Let a method fail with one line that the engine shows on the resource.

    FAILED_PRECONDITION, because the engine takes UNKNOWN and INTERNAL to mean that the state may be corrupt.
    """

    @functools.wraps(method)
    def answer(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except ProviderError as error:
            text = str(error)
        except IncompleteError as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _incomplete(error)),))
            text = error.reason
        except Exception as error:  # noqa: BLE001 - the boundary: a defect must not pass for a corrupt state
            traceback.print_exc(file=sys.stderr)
            text = f"defect in the stand-in for pulumi-aws, {method.__name__}: {type(error).__name__}: {error}"
        return context.abort(grpc.StatusCode.FAILED_PRECONDITION, " ".join(text.split()))

    return answer


def _incomplete(error: IncompleteError) -> bytes:
    detail = messages.ErrorResourceInitFailed(
        id=error.resource_id, properties=values.encode(error.state), reasons=[error.reason]
    )
    whole = status.Status(code=grpc.StatusCode.FAILED_PRECONDITION.value[0], message=error.reason)
    whole.details.add().Pack(detail)
    return whole.SerializeToString()


class Provider(services.ResourceProviderServicer):
    """The `aws` provider. One process serves one provider resource of the program, as pulumi-aws does."""

    def __init__(self, address: str = "") -> None:
        """Serve.

        Args:
            address: where the engine takes log lines; empty: nowhere.
        """
        channel: Any = grpc.insecure_channel(address) if address else None
        self._engine: Any = engines.EngineStub(channel) if channel else None
        self._session: Session | None = None
        self._cancelled = threading.Event()

    @one_line
    def Handshake(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Secrets and resource references are left to the engine: it puts them back where they were."""
        return messages.ProviderHandshakeResponse()

    @one_line
    def Attach(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Nothing to do: the engine's address came as an argument."""
        return _empty()

    @one_line
    def GetPluginInfo(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """The version of the SDK that the program uses: the engine asks for exactly this one."""
        from importlib.metadata import version

        return plugin.PluginInfo(version=version(_SDK))

    @one_line
    def GetSchema(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """The name alone: no operation on a Python program reads more."""
        return messages.GetSchemaResponse(schema='{"name": "aws"}')

    @one_line
    def CheckConfig(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Takes the config as it is: Configure refuses what is wrong with it."""
        return messages.CheckResponse(inputs=request.news)

    @one_line
    def DiffConfig(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """A provider in another region or account is another one; other tags are not."""
        old, new = values.decode(request.old_inputs), values.decode(request.news)
        differ = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key) and key != "version"]
        replaces = [key for key in differ if key in {"region", "allowedAccountIds"}]
        return messages.DiffResponse(changes=_some(differ), diffs=differ, replaces=replaces)

    @one_line
    def Configure(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refuses everything but the sandbox's own account, then finds out which account that is."""
        endpoint = configuration.endpoint()
        config = configuration.parse(values.decode(request.args))

        from .api import Api
        from .row import Account

        api = Api(endpoint, config.region)
        account_id = api.account_id()
        configuration.refuse_other_account(config, account_id)
        self._cancelled.clear()
        self._session = Session(Account(account_id, config.region), api, config.default_tags)
        return messages.ConfigureResponse(supportsPreview=True)

    @one_line
    def Check(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Completes the inputs and says what is wrong with them."""
        from . import check
        from .table import row_of

        session = self._configured()
        inputs, failures = check.check(
            check.Request(
                row=row_of(_type(request)),
                news=values.decode(request.news),
                olds=values.decode(request.olds),
                name=_name(request),
                seed=request.randomSeed,
                default_tags=session.default_tags,
                account=session.account,
            )
        )
        return messages.CheckResponse(
            inputs=values.encode(inputs),
            # The engine looks a `property` up as a top-level key, and shows <nil> for a path.
            failures=[messages.CheckFailure(reason=f"{each.path}: {each.reason}") for each in failures],
        )

    @one_line
    def Diff(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Compares inputs with inputs: refreshing brings drift into the old ones."""
        from . import diff
        from .table import row_of

        row, new = row_of(_type(request)), values.decode(request.news)
        old = values.decode(request.old_inputs)
        ignored = tuple(request.ignoreChanges)
        differ = [each for each in diff.changes(row, old, new) if not diff.is_ignored(each, ignored)]
        replaces = sorted({each.property for each in differ if each.replaces})
        return messages.DiffResponse(
            changes=_some(differ),
            diffs=sorted({each.property for each in differ}),
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and diff.delete_before_replace(row, new),
            hasDetailedDiff=True,
            detailedDiff={each.path: _detail(each.kind.value, replaces=each.replaces) for each in differ},
        )

    @one_line
    def Create(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Makes the resource, or foretells it."""
        inputs, lifecycle = values.decode(request.properties), self._lifecycle(request)
        if request.preview:
            return messages.CreateResponse(properties=values.encode(lifecycle.preview_create(inputs)))
        resource_id, state = lifecycle.create(inputs)
        return messages.CreateResponse(id=resource_id, properties=values.encode(state))

    @one_line
    def Read(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """What is there now; an empty id if it is gone."""
        state, inputs = values.decode(request.properties), values.decode(request.inputs)
        resource_id, now, now_inputs = self._lifecycle(request).read(request.id, state, inputs)
        return messages.ReadResponse(id=resource_id, properties=values.encode(now), inputs=values.encode(now_inputs))

    @one_line
    def Update(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Changes the resource in place, or foretells it."""
        lifecycle = self._lifecycle(request)
        old, old_inputs, new = map(values.decode, (request.olds, request.old_inputs, request.news))
        if request.preview:
            state = lifecycle.preview_update(old, old_inputs, new)
        else:
            state = lifecycle.update(request.id, old, old_inputs, new)
        return messages.UpdateResponse(properties=values.encode(state))

    @one_line
    def Delete(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Removes the resource."""
        self._lifecycle(request).delete(request.id, values.decode(request.properties))
        return _empty()

    @one_line
    def Invoke(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refuses: the program looks nothing up, so that a preview needs nothing live."""
        raise ProviderError(f"{request.tok}: the stand-in for pulumi-aws answers no function; pin the value in config")

    def Cancel(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Ends every wait. The engine sends it at the end of each command too."""
        self._cancelled.set()
        return _empty()

    def _tell(self, urn: str, line: str) -> None:
        """Show a line on a resource for as long as nothing else is; an engine that takes none is not waited for."""
        if self._engine is None:
            return
        request = engine.LogRequest(severity=engine.INFO, message=line, urn=urn, ephemeral=True)
        with contextlib.suppress(grpc.RpcError):
            self._engine.Log(request, timeout=1.0)

    def _configured(self) -> Session:
        if self._session is None:
            raise ProviderError("the provider is not configured yet")
        return self._session

    def _lifecycle(self, request: Any) -> Lifecycle:
        from .lifecycle import Lifecycle
        from .table import row_of
        from .wait import PATIENCE, Waiter

        session, token = self._configured(), _type(request)
        tell = functools.partial(self._tell, request.urn)
        return Lifecycle(
            row=row_of(token),
            name=f"{token} {_name(request)!r}",
            account=session.account,
            invoke=session.invoke,
            wait=Waiter.within(request.timeout, self._cancelled, tell),
            default_tags=values.as_map(session.default_tags),
            patience=Waiter.within(PATIENCE * pace.factor(), self._cancelled, tell) if pace.factor() else None,
        )


def _type(request: Any) -> str:
    return request.type or request.urn.split("::")[2].rpartition("$")[2]


def _name(request: Any) -> str:
    return request.name or request.urn.rpartition("::")[2]


def _empty() -> Any:
    from google.protobuf.empty_pb2 import Empty

    return Empty()


def _some(differ: list[Any]) -> Any:
    return messages.DiffResponse.DIFF_SOME if differ else messages.DiffResponse.DIFF_NONE


def _detail(kind: str, *, replaces: bool) -> Any:
    name = f"{kind}_REPLACE" if replaces else kind
    return messages.PropertyDiff(kind=messages.PropertyDiff.Kind.Value(name), inputDiff=True)
