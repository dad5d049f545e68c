"""Python websockets, on asyncio. Argument: the port."""

import asyncio
import sys

from websockets.asyncio.server import broadcast, serve

members = set()


async def client(socket):
    if socket.request.path == "/broadcast":
        members.add(socket)
        try:
            async for message in socket:
                broadcast(members, message)
        finally:
            members.remove(socket)
    else:
        async for message in socket:
            await socket.send(message)


async def main():
    # By default it takes no more than 1 MiB, which is what the largest message has.
    async with serve(client, "127.0.0.1", int(sys.argv[1]), compression=None, backlog=4096) as server:
        await server.serve_forever()


asyncio.run(main())
