"""How often XLA is called."""

import contextlib

import jax


@contextlib.contextmanager
def compilations():
    """How many programmes XLA was given."""
    events = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/jaxpr_to_mlir_module_duration":
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield events
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def compiled_again(call):
    """What is compiled by the second of two equal calls."""
    call()
    with compilations() as events:
        call()
    return events
