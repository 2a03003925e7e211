"""Ports belong to one cluster at a time."""

import socket

from localcluster.ports import LOOPBACK, Ports


def test_two_clusters_never_share_a_port() -> None:
    mine, yours = Ports(), Ports()
    try:
        taken = [ports.take() for _ in range(60) for ports in (mine, yours)]
    finally:
        mine.close()
        yours.close()
    assert len(set(taken)) == len(taken)


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    ports = Ports()
    try:
        first = ports.take()
        with socket.create_server((LOOPBACK, first + 1)):
            assert ports.take() == first + 2
    finally:
        ports.close()


def test_closed_ports_are_given_to_the_next() -> None:
    first = Ports()
    port = first.take()
    first.close()
    second = Ports()
    try:
        assert second.take() == port
    finally:
        second.close()
