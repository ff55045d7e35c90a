"""seeds.py OUT [SHARED] - writes the first inputs of each fuzz target into OUT/TARGET/.

Most are made of the recordings in SHARED, when there are any; the rest is written here. An input begins with the
bytes that its target reads first (see the targets): how, and where to cut.
"""

import hashlib
import json
import pathlib
import struct
import sys
import zlib

LONGEST = 12 << 10
MOST = 150

CHAT = {"chat"}
# target of a face -> the APIs whose requests and answers it reads
FACES = {"face-chat": CHAT, "face-messages": {"messages"}, "face-count_tokens": {"count_tokens", "messages"},
         "face-completions": {"completions"}, "face-embeddings": {"embeddings"}, "face-responses": {"responses"},
         "face-moderations": {"v2/rerank", "embeddings"}}
# target of a provider -> who answered, which API
PROVIDERS = {"openai": (None, {"chat", "completions", "embeddings", "responses"}), "azure": ({"azure", "openai"}, None),
             "anthropic": ({"anthropic"}, None)}
STATUSES = [200, 400, 401, 429, 500, 503, 529]

OWN_JSON = [
    '{}', '{"a":1}', '[1,-2.5e3,true,false,null,"x\\n\\u00e9\\ud83d\\ude00"]', '{"a":{"b":[{},[],"\\\\\\""]},"c":1e999}',
    '{"a":1,"a":2}', '"\\ud800"', '{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}',
    '[' * 60 + ']' * 60,
]
OWN_CHAT = [
    '{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"t"},'
    '{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}],"n":2,"stream":true,'
    '"stream_options":{"include_usage":true},"max_tokens":9,"stop":["a","b"],"seed":1,"logprobs":true}',
    '{"model":"m","messages":[{"role":"user","content":"tool"},{"role":"assistant","content":null,"tool_calls":[{"id":"c",'
    '"type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}}]},{"role":"tool","tool_call_id":"c","content":'
    '"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":'
    '"integer"}},"required":["a"]}}}],"tool_choice":"required","parallel_tool_calls":false,"response_format":{"type":'
    '"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"reasoning_effort":"low"}',
    '{"model":"m","messages":[{"role":"user","content":"long 50"}],"response_format":{"type":"json_object"}}',
]
OWN_MESSAGES = [
    '{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":'
    '[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},'
    '{"type":"redacted_thinking","data":"AA=="},{"type":"text","text":"x"},{"type":"tool_use","id":"toolu_1","name":"f",'
    '"input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text",'
    '"text":"r"}],"is_error":true}]}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},'
    '"thinking":{"type":"enabled","budget_tokens":1024},"stream":true,"stop_sequences":["x"],"metadata":{"user_id":"u"}}',
]
OWN_STREAMS = [
    'data: {"choices":[]}\n\ndata: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    '\ufeff: comment\r\nevent: x\r\ndata: a\r\ndata: b\r\nid: 7\r\nretry: 3\r\n\r\ndata\r\rdata:\n\n:\n',
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":3,'
    '"output_tokens":1}}}\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
    '{"type":"tool_use","id":"t","name":"f","input":{}}}\n\nevent: content_block_delta\ndata: {"type":"content_block_delta",'
    '"index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":1}"}}\n\nevent: error\ndata: {"type":"error",'
    '"error":{"type":"overloaded_error","message":"m"}}\n\n',
    '{"a":1}\n{"b":2}\r\n\n{"c"',
]
OWN_ERRORS = ['{"error":{"message":"m","type":"t","code":"c","param":"p"}}', '{"error":"x"}', '<html>bad</html>', '',
              '{"type":"error","error":{"type":"rate_limit_error","message":"m"}}', '{"detail":[{"msg":"m","loc":["a"]}]}',
              '[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]']
OWN_HTTP = [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n',
    'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nuntil the end', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
]
# type, flags, then the lengths and texts that the flags ask for: see fuzz_write.c
OWN_EVENTS = [
    bytes([1, 0]) + bytes([0, 0x30, 2]) + b"id" + bytes([5]) + b"gpt-x" + bytes([1, 0x20, 5]) + b"hello" + bytes([12, 0]) +
    bytes([11, 0, 3, 4]),
    bytes([0, 3, 0x20, 2]) + b"th" + bytes([4, 0x20, 3]) + b"sig" + bytes([5, 0x30, 1]) + b"c" + bytes([1]) + b"f" +
    bytes([6, 0x20, 7]) + b'{"a":1}' + bytes([5, 0x34, 1]) + b"d" + bytes([1]) + b"g" + bytes([7, 0x24, 4]) + b"free" +
    bytes([8, 0x40, 2]) + b"xx" + bytes([9, 0x40, 3]) + b"xxx" + bytes([10, 0x40, 4]) + b"xxxx" + bytes([12, 2]),
]


class Seeds:
    def __init__(self, out):
        self.out = out
        self.count = {}

    def put(self, target, data):
        if len(data) > LONGEST or self.count.get(target, 0) >= MOST:
            return
        folder = self.out / target
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / hashlib.sha1(data).hexdigest()[:16]
        if not path.exists():
            path.write_bytes(data)
            self.count[target] = self.count.get(target, 0) + 1

    def request(self, target, text):
        self.put(target, b"\0" + text)

    def stream(self, text):
        self.put("framing", b"\0\7" + text)
        self.put("framing", b"\20\3" + text)

    def http(self, text):
        for how in (b"\0\0", b"\0\5", b"\1\2"):
            self.put("http1", how + text)


def own(seeds):
    for text in OWN_JSON + OWN_CHAT:
        seeds.put("json", text.encode())
        seeds.put("scan", b"\x3f" + text.encode())
    for target in FACES:
        for text in OWN_CHAT + OWN_MESSAGES:
            seeds.request(target, text.encode())
        for text in OWN_STREAMS:
            seeds.put(target, b"\2" + text.encode())
        for text in OWN_ERRORS:
            seeds.put(target, b"\3" + text.encode())
    seeds.request("face-completions", b'{"model":"m","prompt":["a","b"],"stream":true,"stream_options":null,"suffix":"s"}')
    seeds.request("face-embeddings", b'{"model":"m","input":["a",[1,2]],"encoding_format":"base64"}')
    seeds.put("face-embeddings", b'\3{"data":[{"embedding":[0.5,-1e-3,7],"index":0}],"usage":{"prompt_tokens":1}}')
    seeds.put("face-embeddings", b'\7{"data":[{"embedding":"AAAAPwAAgD8=","index":0}]}')
    seeds.request("face-moderations", b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n')
    for events in OWN_EVENTS:
        for target in ("write-chat", "write-messages"):
            seeds.put(target, b"\1" + events)
    for name in [*PROVIDERS, "demo"]:
        for text in OWN_CHAT + OWN_JSON[:2]:
            for mode in (0, 8, 3, 16):
                seeds.put(f"build-{name}", bytes([mode]) + text.encode())
    for words in ("tool", "think of it", "json x", "long 30", "break", "429", "slow"):
        body = {"messages": [{"role": "user", "content": words}], "n": 2, "stop": ["three"]}
        seeds.put("build-demo", b"\x08" + json.dumps(body).encode())
    for name in PROVIDERS:
        for text in OWN_STREAMS:
            seeds.put(f"read-{name}", b"\0\7" + text.encode())
        for number, text in enumerate(OWN_ERRORS):
            seeds.put(f"read-{name}", bytes([1 | (1 + number % 6) << 4, 0]) + text.encode())
    for text in OWN_STREAMS:
        seeds.stream(text.encode())
        seeds.put("framing", b"\1\5" + text.encode())
        seeds.put("framing", b"\4\5" + text.encode())
    for text in OWN_HTTP:
        seeds.http(text.encode())
    for payload in (b"", b'{"a":1}', b"x" * 300):
        head = b"\x0b:event-type\x07\0\1e\x01b\x00"
        prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
        message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
        message += struct.pack(">I", zlib.crc32(message))
        for mode in (b"\3\5", b"\x13\3", b"\7\5"):
            seeds.put("framing", mode + message * 3)


def goldens(seeds, folder):
    """The small answers of tests/provider."""
    for path in sorted(folder.glob("*.sse")):
        data = path.read_bytes()
        seeds.stream(data)
        seeds.put("face-chat", b"\2" + data)
        seeds.put("read-openai", b"\0\7" + data)
    for path in sorted(folder.glob("*.json")):
        status = path.suffixes[0].lstrip(".") if len(path.suffixes) > 1 else "200"
        mode = 1 | (STATUSES.index(int(status)) << 4 if status.isdigit() and int(status) in STATUSES else 16)
        seeds.put("read-openai", bytes([mode, 0]) + path.read_bytes())


def recording(seeds, record):
    request, response, api = record["request"], record["response"], record["api"]
    if "body" not in response:
        return
    asked = json.dumps(request.get("body"), ensure_ascii=False).encode()
    answer = response["body"].encode()
    status = response["status"]
    is_stream = "event-stream" in response["headers"].get("content-type", "") or answer.startswith((b"data:", b"event:"))
    for text in (asked, answer):
        if not is_stream or text is asked:
            seeds.put("json", text)
            seeds.put("scan", b"\x3f" + text)
    if is_stream:
        seeds.stream(answer)
    for target, apis in FACES.items():
        if api in apis:
            seeds.request(target, asked)
            seeds.put(target, (b"\2" if is_stream else b"\3") + answer)
    for name, (who, apis) in PROVIDERS.items():
        if (who is None or record["provider"] in who) and (apis is None or api in apis):
            mode = 1 | (STATUSES.index(status) if status in STATUSES else 1) << 4
            seeds.put(f"read-{name}", (b"\0\7" if is_stream else bytes([mode, 0])) + answer)
    if api in CHAT:
        for name in [*PROVIDERS, "demo"]:
            seeds.put(f"build-{name}", (b"\x08" if is_stream else b"\0") + asked)
    head = f"HTTP/1.1 {status} OK\r\n" + "".join(f"{k}: {v}\r\n" for k, v in response["headers"].items()
                                              if k not in ("content-length", "transfer-encoding"))
    body = answer[:2000]
    seeds.http(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    seeds.http(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")


def main():
    seeds = Seeds(pathlib.Path(sys.argv[1]))
    own(seeds)
    goldens(seeds, pathlib.Path(__file__).resolve().parents[1] / "provider" / "golden")
    shared = pathlib.Path(sys.argv[2]) / "recordings" if len(sys.argv) > 2 else None
    if shared is not None and shared.is_dir():
        names = [path for path in shared.glob("*/*.json") if path.parent.name not in ("matched", "fragments", "LICENSES")]
        for path in sorted(names, key=lambda path: (path.stat().st_size, path)):
            recording(seeds, json.loads(path.read_text(encoding="utf-8")))
    print(f"seeds.py: {sum(seeds.count.values())} inputs for {len(seeds.count)} targets")


if __name__ == "__main__":
    main()
