"""The base class of everything that has a name and options: defenses, attacks and parts of attacks."""

from typing import Any, ClassVar, Generic, get_args, get_origin

from typing_extensions import NoDefault, TypeVar, get_original_bases

from bench import spec

O_co = TypeVar("O_co", bound=spec.Options, default=spec.Options, covariant=True)


class Traits(spec.Closed):
    """Facts about a method that a plan needs before anything is computed. Each kind of method has its own subclass."""


class Registered(Generic[O_co]):
    """A method with options. The type argument is the model of its options, so that `self.options` is checked.

    >>> from pydantic import Field
    >>> class NoiseOptions(spec.Options):
    ...     level: int = Field(4, ge=0, le=255, description="8-bit levels")
    >>> class Noise(Registered[NoiseOptions]):
    ...     pass
    >>> Noise.Options(level=2)
    NoiseOptions(level=2)

    A class without a type argument of its own has the options of its base class.
    """

    name: ClassVar[str]
    Options: ClassVar[type[spec.Options]] = spec.Options
    """The model of the options. It follows from the type argument."""

    def __init__(self, options: O_co) -> None:
        self.options = options

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for base in get_original_bases(cls):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Registered):
                cls.Options = _model(get_args(base)[0])

    @property
    def settings(self) -> dict[str, Any]:
        """The value of every option, by name."""
        return dict(self.options.model_dump())

    @property
    def naming(self) -> dict[str, Any]:
        """The options that name the method in a request: those that differ from their defaults."""
        return self.options.model_dump(mode="json", exclude_defaults=True)

    @property
    def traits(self) -> Traits:
        """The facts that a plan needs about this method with these options."""
        return Traits()


def _model(argument: Any) -> type[spec.Options]:
    """Return the options model that a type argument stands for: itself, or the default of a type variable."""
    if isinstance(argument, TypeVar):
        default = argument.__default__
        argument = argument.__bound__ if default is NoDefault else default
    return argument  # type: ignore[no-any-return]
