"""One definition of a route for both clients: a method that builds a call; who looks it up decides whether it blocks or is awaited.

A group of routes is written once, as a class whose methods return an ApiCall. A blocking client runs the call and returns its answer, an asyncio client returns a coroutine of it;
the types follow (the overloads of `__get__`), so that a type checker and an editor see the method with its own arguments and its own answer.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from evertoken.client.api_call import ApiCall
from evertoken.client.paging import Pages

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")
Page = TypeVar("Page")
Item = TypeVar("Item")


class Runner(Protocol):
    """What runs calls: blocking or not."""

    def run(self, call: ApiCall[Any]) -> Any:
        """Run the call; return its answer, or a coroutine of it."""
        ...

    def iterate(self, pages: Pages[Any, Any]) -> Any:
        """Return an iterator over the items of all pages, or an asynchronous one."""
        ...


class Routes:
    """A group of routes, bound to what runs them."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner


class Blocking(Routes):
    """Marks a group whose methods return answers."""

    is_blocking = True


class Awaiting(Routes):
    """Marks a group whose methods return coroutines."""

    is_blocking = False


class route(Generic[Arguments, Answer]):  # noqa: N801  # a decorator, like property
    """Makes a method that builds a call into one that makes it."""

    def __init__(self, build: Callable[Concatenate[Any, Arguments], ApiCall[Answer]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Blocking, owner: type) -> Callable[Arguments, Answer]: ...
    @overload
    def __get__(self, group: Awaiting, owner: type) -> Callable[Arguments, Coroutine[Any, Any, Answer]]: ...
    def __get__(self, group: Any, owner: type) -> Any:
        if group is None:
            return self

        @functools.wraps(self.build)
        def make(*arguments: Any, **named: Any) -> Any:
            return group._runner.run(self.build(group, *arguments, **named))  # noqa: SLF001  # the group's own machinery

        return make


class paged(Generic[Arguments, Page, Item]):  # noqa: N801  # a decorator, like property
    """Makes a method that builds a list of many pages into one that goes through their items; each page is asked for when it is reached."""

    def __init__(self, build: Callable[Concatenate[Any, Arguments], Pages[Page, Item]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Blocking, owner: type) -> Callable[Arguments, Iterator[Item]]: ...
    @overload
    def __get__(self, group: Awaiting, owner: type) -> Callable[Arguments, AsyncIterator[Item]]: ...
    def __get__(self, group: Any, owner: type) -> Any:
        if group is None:
            return self

        @functools.wraps(self.build)
        def make(*arguments: Any, **named: Any) -> Any:
            return group._runner.iterate(self.build(group, *arguments, **named))  # noqa: SLF001  # the group's own machinery

        return make
