"""What a route gets from the application: the services, and what is known about the nodes."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from api.nodes import NodeMonitor
from custody.services import Services


def services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


def nodes_of(request: Request) -> NodeMonitor:
    nodes: NodeMonitor = request.app.state.nodes
    return nodes


ServicesDependency = Annotated[Services, Depends(services_of)]
NodesDependency = Annotated[NodeMonitor, Depends(nodes_of)]
