"""vectors.py - what parsers get wrong: JSON, UTF-8, event streams, HTTP. Each case says what is right."""

import base64

JSON = {  # y: accepted, n: refused, i: either
    "y_object": '{"a":1}', "y_empty_object": "{}", "y_nested": '{"a":{"b":[1,2,{"c":null}]}}', "y_array": "[]",
    "y_numbers": "[0,-0,1e9,1E-2,123.456]", "y_escapes": '["\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"]', "y_pair": '["\\ud83d\\ude00"]',
    "y_space": ' {"a" : [ true ,\n\tfalse ] }\n ', "y_utf8": '{"é":"☀"}', "y_string": '"x"', "y_long_names": '{"%s":1}' % ("a" * 300),
    "n_trailing_comma": '{"a":1,}', "n_no_colon": '{"a" 1}', "n_single_quotes": "{'a':1}", "n_comment": '{"a":1/*x*/}',
    "n_unclosed": '{"a":[1', "n_extra": '{"a":1}x', "n_leading_zero": "[01]", "n_plus": "[+1]", "n_hex": "[0x1]",
    "n_nan": "[NaN]", "n_bare_word": "[nul]", "n_control": '["\x01"]', "n_bad_escape": '["\\x"]', "n_short_escape": '["\\u12"]',
    "n_two_values": '{"a":1 "b":2}', "n_no_name": "{:1}", "n_number_name": "{1:1}", "n_point": "[1.]", "n_exponent": "[1e]",
    "n_empty": "", "n_minus": "[-]",
}
BROKEN_UTF8 = b'["\xff"]'
TRANSFORM = {"numbers": "[1.0,1.000000000000000005,100000000000000000000]", "order": '{"b":1,"a":2}', "nested": '[{"a":[]}]'}
NAUGHTY = ["", "undefined", "null", "NaN", "0", "1e309", "true", "\\", "/", "''", '"', "<script>alert(1)</script>",
           "'; DROP TABLE users--", "$(reboot)", "%s%n%x", "{{7*7}}", "../../../etc/passwd", "a\tb", "é", "e\u0301",
           "田中さんにあげて下さい", "مرحبا", "👨‍👩‍👧", "\u202eright to left", "\ufeff", "\u2028\u2029", "ﬁ", "𝒳", "Ω≈ç√∫", "\x7f",
           "data: [DONE]", "[DONE]", "event: error", "a\nb", "a\r\nb", " ", "\u00a0", "Content-Length: 0"]
UTF8 = [  # bytes, and what they become where what is wrong is replaced
    (b"plain", "plain"), ("é☀😀".encode(), "é☀😀"), (b"\xc3", "\ufffd"), (b"a\xffb", "a\ufffdb"), (b"\xc0\xaf", "\ufffd\ufffd"),
    (b"\xe2\x98", "\ufffd"), (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"), (b"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"),
    (b"\x80x", "\ufffdx"), (b"\xf0\x9f\x98x", "\ufffdx"),
]
SSE = {  # a stream, and its events as (name, data)
    "simple": (b"data: one\n\ndata: two\n\n", [("message", "one"), ("message", "two")]),
    "named": (b"event: x\ndata: 1\n\n", [("x", "1")]),
    "several-lines": (b"data: a\ndata: b\n\n", [("message", "a\nb")]),
    "carriage-returns": (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [("message", "a"), ("message", "b"), ("message", "c")]),
    "comment": (b": ping\n\ndata: a\n\n", [("message", "a")]),
    "no-space": (b"data:a\n\ndata:  b\n\n", [("message", "a"), ("message", " b")]),
    "unknown-field": (b"foo: 1\ndata: a\nretry: 5\n\n", [("message", "a")]),
    "one-mark": (b"\xef\xbb\xbfdata: a\n\n", [("message", "a")]),
}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
REPLIES = {  # whole answers, right and wrong
    1: OK + b"Content-Length: 2\r\n\r\n{}", 2: OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    3: OK + b"Connection: close\r\n\r\n{}", 4: b"HTTP/1.0 200 OK\r\n\r\n{}", 5: b"HTTP/1.1 204 No Content\r\n\r\n",
    6: b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", 7: OK + b"Content-Length: 9\r\n\r\n{}",
    8: OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 9: OK + b"Content-Length: -2\r\n\r\n{}",
    10: OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 11: b"HTTP/2 200\r\n\r\n", 12: b"nonsense\r\n\r\n", 13: b"",
    14: OK + b" folded: x\r\nContent-Length: 2\r\n\r\n{}", 15: OK + b"X\x00Y: 1\r\nContent-Length: 2\r\n\r\n{}",
    16: b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", 17: b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
}
LLHTTP = {  # the start of an answer: ok or error
    "length": (OK + b"Content-Length: 2\r\n\r\n{}", "ok"), "chunked": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "ok"),
    "bad version": (b"HTTP/1.x 200 OK\r\n\r\n", "error"), "no space": (b"HTTP/1.1200 OK\r\n\r\n", "error"),
    "bad status": (b"HTTP/1.1 2x0 OK\r\n\r\n", "error"), "two lengths": (
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "error"),
    "length overflow": (OK + b"Content-Length: 99999999999999999999999\r\n\r\n", "error"),
}
REFUSED = [400, 413, 414, 431, 501, 505]
PROBES = {  # requests, and whether an answer other than a refusal is a failure
    "BASELINE": (b"GET / HTTP/1.1\r\nHost: {{HOST}}\r\n\r\n", None),
    "NO-HOST": (b"GET / HTTP/1.1\r\n\r\n", "refuse"),
    "TWO-HOSTS": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "refuse"),
    "SPACE-BEFORE-COLON": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "refuse"),
    "NUL-IN-HEADER": (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", "refuse"),
    "BAD-LENGTH": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\nhello", "refuse"),
    "NEGATIVE-LENGTH": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "refuse"),
    "TWO-LENGTHS": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "refuse"),
    "VERSION": (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", "refuse"),
}
SMUGGLED = b"POST / HTTP/1.1\r\nHost: {{HOST}}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"
TE = [b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked", b" Transfer-Encoding: chunked", b"Transfer-Encoding:\tchunked",
      b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: \x0bchunked",
      b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", b"Transfer_Encoding: chunked", b"TRANSFER-ENCODING: CHUNKED",
      b"Transfer-Encoding: \"chunked\"", b"X: y\nTransfer-Encoding: chunked"]


def b64(data):
    return base64.b64encode(data).decode()


def probe(name, raw, wanted):
    statuses = {"pass": [200, 204, 404, 405], "fail": [500]} if wanted is None else {"pass": REFUSED, "fail": [200, 204]}
    return {"id": name, "category": "Compliance", "level": "Must", "rfc": "", "scored": True, "description": name,
            "steps": [{"raw_b64": b64(raw)}], "expect": {"description": "", "status": statuses, "no_response": {
                "closed": "fail" if wanted is None else "pass", "timeout": "fail"}}}


def files():
    for name, text in JSON.items():
        yield "vectors/jsontestsuite/test_parsing/%s.json" % name, text.encode()
    yield "vectors/jsontestsuite/test_parsing/n_utf8.json", BROKEN_UTF8
    for name, text in TRANSFORM.items():
        yield "vectors/jsontestsuite/test_transform/%s.json" % name, text.encode()
    yield "vectors/naughty-strings/blns.json", NAUGHTY
    lines = [(b"%d:%s:" % (n, b"valid" if raw.decode("utf-8", "replace").encode() == raw else b"invalid"), raw, text)
             for n, (raw, text) in enumerate(UTF8)]
    yield "vectors/utf8/utf8tests.bin", b"".join(head + raw + b"\n" for head, raw, _ in lines)
    yield "vectors/utf8/utf8.replace.ref.txt", b"".join(head + text.encode() + b"\n" for head, _, text in lines)
    yield "vectors/sse/cases.json", [{"name": name, "stream_b64": b64(raw), "events": [
        {"event": kind, "data": text, "id": ""} for kind, text in events]} for name, (raw, events) in SSE.items()]
    yield "vectors/curl-replies/replies.json", [
        {"test": number, "name": "reply %d" % number, "keywords": ["HTTP"], "curl_exit": 0, "raw_b64": b64(raw)}
        for number, raw in REPLIES.items()]
    yield "vectors/llhttp/cases.json", [
        {"file": "own", "line": line, "name": name, "kind": "http", "meta": {"type": "response"}, "raw_b64": b64(raw),
         "result": result} for line, (name, (raw, result)) in enumerate(LLHTTP.items())]
    rule = {"id": "CL-AND-TE", "category": "Smuggling", "level": "Must", "rfc": "", "scored": True, "description": "both",
            "steps": [{"raw_b64": b64(SMUGGLED)}], "expect": {"description": "", "rule": "reject_or_close"}}
    yield "vectors/http11probe/cases.json", [probe(n, raw, wanted) for n, (raw, wanted) in PROBES.items()] + [rule]
    yield "vectors/te-mutations/te-lines.json", [
        {"set": "own", "name": "line-%d" % n, "te_line_b64": b64(line)} for n, line in enumerate(TE)]
