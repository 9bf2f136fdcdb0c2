"""What one request may cost, and what is refused before it costs more."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """How much is taken from strangers.

    Args:
        pictures: In one request.
        body: Bytes of one request.
        held: Bytes of all requests at once; more are refused with 503.
        pixels: Of one picture, by its header.
        requests: Worked on at once; more are refused with 503.
        connections: Open at once; more are refused with 503.
        header_seconds: Until a request's header has arrived; else 408.
        body_seconds: Until its body has; else 408.
        decode_seconds: Until a picture is decoded; else its decoder is killed.
        answer_seconds: Until all pictures of a request are answered; else 503.
        send_seconds: How long a client may leave an answer unread; then it is cut.
        memory: Bytes that one decoding process may take.
    """

    pictures: int = 32
    body: int = 32 * MEGABYTE
    held: int = 512 * MEGABYTE
    pixels: int = 50_000_000
    requests: int = 64
    connections: int = 512
    header_seconds: float = 10
    body_seconds: float = 60
    decode_seconds: float = 10
    answer_seconds: float = 30
    send_seconds: float = 30
    memory: int = 2048 * MEGABYTE
