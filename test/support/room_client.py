"""A client of rooms that uses nothing but the library `websockets`. Its argument: the URL. It prints what it is told."""

import asyncio
import json
import sys

from websockets.legacy.client import connect


class Client:
    def __init__(self, socket):
        self.socket = socket

    async def send(self, event, **rest):
        data = rest.pop("data")
        await self.socket.send(json.dumps({"event": event, "data": data, **rest}))

    async def until(self, is_wanted):
        """The next frame that is wanted. Others are passed over."""
        while True:
            frame = json.loads(await self.socket.recv())
            if is_wanted(frame):
                return frame

    async def answer(self, number):
        return await self.until(lambda frame: frame.get("id") == number)


def say(title, value):
    print(title, json.dumps(value, ensure_ascii=False, sort_keys=True), flush=True)


async def main(url):
    async with connect(url, subprotocols=["lanfare.v1.json"]) as socket:
        client = Client(socket)
        say("subprotocol", socket.subprotocol)
        say("compressed", any(extension.name == "permessage-deflate" for extension in socket.extensions))
        wish = {"room": "hall", "presence": "both", "info": {"name": "Pytön"}}
        await client.send("join", id=1, data=wish)
        say("joined", (await client.answer(1))["data"])
        listed = await client.until(lambda frame: frame["event"] == "presence")
        say("there", sorted(member["user_id"] for member in listed["data"]["members"]))
        await client.send("publish", id=2, data={"room": "hall", "echo": False, "data": "grüße 😀"})
        say("published", (await client.answer(2))["data"])
        heard = await client.until(lambda frame: frame["event"] == "message")
        say("heard", heard["data"])
        pong = await socket.ping()
        await pong
        changed = await client.until(lambda frame: frame["event"] == "presence")
        say("changed", changed["data"])
        await client.send("leave", id=3, data={"room": "hall"})
        say("left", await client.answer(3))
        await client.send("publish", id=4, data={"room": "hall", "data": 1})
        say("refused", (await client.answer(4))["data"]["code"])
    say("closed", socket.close_code)


asyncio.run(main(sys.argv[1]))
