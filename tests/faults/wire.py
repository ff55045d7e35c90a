"""wire.py - fake providers and clients that share one event loop: right answers in the words of five APIs, the bytes of them, a server that hands out
each request as a `Call`, and a client that keeps its connection. What is wrong on purpose is in menu.py."""

import asyncio
import json
import socket

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages", "completions": "/v1/completions", "embeddings": "/v1/embeddings"}
VECTOR = [0.25, -0.5, 1.0]


def event(value, name=None):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return (b"event: %s\n" % name.encode() if name else b"") + b"data: %s\n\n" % text.encode("utf-8", "surrogatepass")


def named(**value):
    return event(value, value["type"])


def usage_of(api, tokens):
    """Tokens in disjoint buckets (input, cache_read, output, reasoning) as this API reports them. Anthropic's has no reasoning."""
    prompt, output = tokens["input"] + tokens["cache_read"], tokens["output"] + tokens["reasoning"]
    if api == "messages":
        return {"input_tokens": tokens["input"], "cache_read_input_tokens": tokens["cache_read"], "output_tokens": output}
    if api == "responses":
        return {"input_tokens": prompt, "input_tokens_details": {"cached_tokens": tokens["cache_read"]}, "output_tokens": output,
                "output_tokens_details": {"reasoning_tokens": tokens["reasoning"]}, "total_tokens": prompt + output}
    if api == "embeddings":
        return {"prompt_tokens": prompt, "total_tokens": prompt}
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": tokens["cache_read"]}, "completion_tokens_details": {"reasoning_tokens": tokens["reasoning"]}}


def whole_of(api, texts, usage):
    """The object of a whole answer; `usage` None: it reports none."""
    text, more = "".join(texts), {} if usage is None else {"usage": usage}
    if api == "chat":
        return {"id": "c1", "object": "chat.completion", "created": 1700000000, "model": "real",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], **more}
    if api == "completions":
        return {"id": "c1", "object": "text_completion", "created": 1700000000, "model": "real", "choices": [{"index": 0, "text": text, "finish_reason": "stop"}], **more}
    if api == "embeddings":
        return {"object": "list", "model": "real", "data": [{"object": "embedding", "index": 0, "embedding": VECTOR}], **more}
    if api == "responses":
        content = [{"type": "output_text", "text": text, "annotations": []}]
        return {"id": "resp_1", "object": "response", "created_at": 1700000000, "status": "completed", "model": "real", "error": None,
                "output": [{"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": content}], **more}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
            "stop_sequence": None, **more}


def chunk_of(api, text=None, finish=None, **more):
    kind = "chat.completion.chunk" if api == "chat" else "text_completion"
    said = {"delta": {} if text is None else {"content": text}} if api == "chat" else {"text": text or ""}
    return event({"id": "c1", "object": kind, "created": 1700000000, "model": "real", "choices": [dict(said, index=0, finish_reason=finish)], **more})


def opening_of(api):
    """The events of a stream before its first word."""
    if api == "responses":
        empty = dict(whole_of("responses", [], None), status="in_progress", output=[])
        return [named(type="response.created", sequence_number=0, response=empty),
                named(type="response.output_item.added", sequence_number=1, output_index=0,
                      item={"type": "message", "id": "msg_1", "status": "in_progress", "role": "assistant", "content": []}),
                named(type="response.content_part.added", sequence_number=2, item_id="msg_1", output_index=0, content_index=0,
                      part={"type": "output_text", "text": "", "annotations": []})]
    if api == "messages":
        message = dict(whole_of("messages", [], None), content=[], stop_reason=None, usage={"input_tokens": 1, "output_tokens": 1})
        return [named(type="message_start", message=message), named(type="content_block_start", index=0, content_block={"type": "text", "text": ""})]
    return []


def words_of(api, texts):
    if api == "responses":
        return [named(type="response.output_text.delta", sequence_number=3 + i, item_id="msg_1", output_index=0, content_index=0, delta=t) for i, t in enumerate(texts)]
    if api == "messages":
        return [named(type="content_block_delta", index=0, delta={"type": "text_delta", "text": t}) for t in texts]
    return [chunk_of(api, t) for t in texts]


def ending_of(api, texts, usage):
    """The events of a stream after its last word: [[those that finish it], [its usage], [its end mark]]."""
    if api == "responses":
        text = "".join(texts)
        done = named(type="response.output_text.done", sequence_number=90, item_id="msg_1", output_index=0, content_index=0, text=text)
        return [[done], [], [named(type="response.completed", sequence_number=91, response=whole_of("responses", texts, usage))]]
    if api == "messages":
        more = {} if usage is None else {"usage": usage}
        return [[named(type="content_block_stop", index=0)], [named(type="message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, **more)],
                [named(type="message_stop")]]
    told = [] if usage is None else [event({"id": "c1", "object": "chat.completion.chunk" if api == "chat" else "text_completion", "created": 1700000000, "model": "real",
                                            "choices": [], "usage": usage})]
    return [[chunk_of(api, None, "stop")], told, [event("[DONE]")]]


def stream_of(api, texts, usage):
    return opening_of(api) + words_of(api, texts) + sum(ending_of(api, texts, usage), [])


def head_of(status=200, content_type="application/json", framing="chunked", length=0, more=b""):
    how = {"chunked": b"Transfer-Encoding: chunked\r\n", "length": b"Content-Length: %d\r\n" % length, "close": b"Connection: close\r\n"}[framing]
    return b"HTTP/1.1 %d Whatever\r\nContent-Type: %s\r\n%s%s\r\n" % (status, content_type.encode(), how, more)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Call:
    """One request at a fake provider: its API, its body, and a way to answer."""

    def __init__(self, path, body, reader, writer):
        self.path, self.body, self.reader, self.writer = path, body, reader, writer
        self.api = next(api for api, end in PATHS.items() if path.split("?")[0].endswith(end[3:]))
        self.streams = bool(body.get("stream"))
        self.over = False  # the connection is not to be used again

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def fin(self):
        self.over = True
        self.writer.close()

    def rst(self):
        self.over = True
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.writer.transport.abort()

    async def gone(self, timeout=60):
        """Waits until the gateway closes."""
        self.over = True
        try:
            await asyncio.wait_for(self.reader.read(1), timeout)
        except (OSError, asyncio.TimeoutError):
            pass

    def prompt(self):
        """The text of the client's last message."""
        said = self.body.get("messages") or self.body.get("input") or self.body.get("prompt")
        while not isinstance(said, str):
            said = said[-1] if isinstance(said, list) else said.get("text") or said["content"]
        return said


class Service:
    """A server of one provider. `answer` is a coroutine function that gets a Call."""

    def __init__(self, answer):
        self.answer, self.writers, self.server, self.failed = answer, set(), None, []

    async def start(self, port=0):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", port, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = "http://127.0.0.1:%d/v1" % self.port
        return self

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.split(b"\r\n")
                length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
                call = Call(lines[0].split()[1].decode(), json.loads(await reader.readexactly(length)), reader, writer)
                await self.answer(call)
                if call.over:
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        except Exception as error:  # a mistake of the tests' own
            self.failed.append(repr(error))
            raise
        finally:
            self.writers.discard(writer)
            writer.close()

    def close_all(self):
        for writer in list(self.writers):
            writer.close()

    async def stop(self):
        self.server.close()
        self.close_all()


class Answer:
    def __init__(self, status, headers, body, complete):
        self.status, self.headers, self.body, self.complete = status, headers, body, complete

    def header(self, name):
        return self.headers.get(name)

    @property
    def id(self):
        return self.headers.get("x-request-id")

    def __repr__(self):
        return "%s %r%s" % (self.status, self.body[-300:], "" if self.complete else " (cut)")


def request_bytes(path, body, key=None):
    text = json.dumps(body).encode()
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nanthropic-version: 2023-06-01\r\n%sContent-Length: %d\r\n\r\n%s" % (
        path.encode(), b"Authorization: Bearer %s\r\n" % key.encode() if key else b"", len(text), text)


class Client:
    """A client that keeps its connection to the gateway as long as it may."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def connect(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)

    async def ask(self, path, body, key=None):
        await self.connect()
        self.writer.write(request_bytes(path, body, key))
        answer = await self.answer()
        if not answer.complete or answer.header("connection") == "close":
            self.close()
        return answer

    async def head(self, before=b""):
        lines = (before + await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        return int(lines[0].split()[1]), headers

    async def answer(self, before=b""):
        """`before`: bytes of it that were read already."""
        status, headers = await self.head(before)
        body, complete = b"", True
        try:
            if "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                size = 1
                while size:
                    size = int(await self.reader.readuntil(b"\r\n"), 16)
                    body += (await self.reader.readexactly(size + 2))[:size]
        except asyncio.IncompleteReadError as error:
            body, complete = body + error.partial, False
        return Answer(status, headers, body, complete)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def until(question, timeout):
    """Asks until the answer is true or the time is up; the last answer."""
    end = asyncio.get_running_loop().time() + timeout
    while not (answer := question()) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.02)
    return answer
