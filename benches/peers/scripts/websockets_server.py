"""Python websockets, on asyncio.

Arguments: the port; the mode of compression: none, no-takeover or takeover (the default of the library); for TLS the files
of a certificate and of its key.
"""

import asyncio
import ssl
import sys

from websockets.asyncio.server import broadcast, serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

# The library's defaults, except for the context.
no_takeover = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=12,
    client_max_window_bits=12,
    compress_settings={"memLevel": 5},
)
modes = {
    "none": {"compression": None},
    "no-takeover": {"compression": None, "extensions": [no_takeover]},
    "takeover": {},
}
mode = modes[(sys.argv[2:] or ["none"])[0]]
members = set()
if sys.argv[3:]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*sys.argv[3:5])
    mode["ssl"] = context


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
    # The default limit of 1 MiB is the size of the largest message.
    async with serve(client, "127.0.0.1", int(sys.argv[1]), backlog=4096, **mode) as server:
        await server.serve_forever()


asyncio.run(main())
