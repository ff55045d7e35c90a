"""crossing_media.py - cases of test_crossing.py: images, documents and sound, said and returned by tools."""

from crossing import (
    ASK,
    PDF,
    PNG,
    CrossingCase,
    Fact,
    answer,
    assistant,
    call,
    calls_are,
    chat,
    function,
    messages,
    order,
    pictured,
    result,
    says,
    text,
    tool,
    use,
    user,
)

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
IMAGE_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}
PAGE = "https://example.org/cat.jpg"
DOCUMENT = {
    "type": "document",
    "title": "law.pdf",
    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
}
FILE = {"type": "file", "file": {"filename": "law.pdf", "file_data": "data:application/pdf;base64," + PDF}}
NOTE = "The key is under the mat."
NOTE64 = "VGhlIGtleSBpcyB1bmRlciB0aGUgbWF0Lg=="
NOTES = {"type": "document", "title": "note.txt", "source": {"type": "text", "media_type": "text/plain", "data": NOTE}}
LOOK = ("look", {"city": "Rome"}, "sunny")


def in_user_or_tool(words):
    """Told to the model, in whichever message: a result of a tool or what the user says."""
    return Fact("says %r" % words[:24], "messages", lambda m, t: any(words in str(i[2:]) for i in m.items))


def after_call(m, t):
    """The picture comes after the call that made it, and before what is said next."""
    kinds = [i[1] for i in m.items]
    return "image" in kinds and kinds.index("call") < kinds.index("image")


CASES = [
    CrossingCase(
        "image data",
        chat(user([text(ASK), IMAGE_PART])),
        messages(user([text(ASK), IMAGE])),
        [says(ASK, "user"), pictured("image", "image/png", PNG)],
    ),
    CrossingCase(
        "image address",
        chat(user([text(ASK), {"type": "image_url", "image_url": {"url": PAGE}}])),
        messages(user([text(ASK), {"type": "image", "source": {"type": "url", "url": PAGE}}])),
        [says(ASK, "user"), pictured("image_url", PAGE)],
    ),
    CrossingCase(
        "image detail",
        chat(user([text(ASK), {"type": "image_url", "image_url": {"url": PAGE, "detail": "low"}}])),
        None,
        [
            pictured("image_url", PAGE),
            Fact("detail", "image_url.detail", lambda m, t: '"detail": "low"' in str(m.body).replace("'", '"')),
        ],
    ),
    CrossingCase(
        "image in a result",
        chat(
            user(ASK),
            assistant(None, tool_calls=[call("toolu_1", "look", city="Rome")]),
            answer("toolu_1", [text("sunny"), IMAGE_PART]),
            tools=[function("look")],
        ),
        messages(
            user(ASK),
            assistant([use("toolu_1", "look", city="Rome")]),
            user([result("toolu_1", [text("sunny"), IMAGE])]),
            tools=[tool("look")],
        ),
        [calls_are(LOOK), pictured("image", "image/png", PNG), Fact("place of the image", "messages", after_call)],
    ),
    CrossingCase(
        "image after results",
        None,
        messages(
            user(ASK),
            assistant([use("toolu_1", "look", city="Rome"), use("toolu_2", "look", city="Oslo")]),
            user([result("toolu_1", [text("sunny"), IMAGE]), result("toolu_2", "rainy"), text("and now?")]),
            tools=[tool("look")],
        ),
        [
            calls_are(LOOK, ("look", {"city": "Oslo"}, "rainy")),
            pictured("image", "image/png", PNG),
            says("and now?", "user"),
            order("sunny", "rainy", "and now?"),
        ],
    ),
    CrossingCase(
        "PDF",
        chat(user([text(ASK), FILE])),
        messages(user([text(ASK), DOCUMENT])),
        [says(ASK, "user"), pictured("file", "application/pdf", PDF, "law.pdf")],
    ),
    CrossingCase(
        "PDF address",
        None,
        messages(
            user([text(ASK), {"type": "document", "source": {"type": "url", "url": "https://example.org/law.pdf"}}])
        ),
        [pictured("file_url", "https://example.org/law.pdf")],
    ),
    CrossingCase(
        "text document",
        chat(
            user(
                [
                    text(ASK),
                    {"type": "file", "file": {"filename": "note.txt", "file_data": "data:text/plain;base64," + NOTE64}},
                ]
            )
        ),
        messages(user([text(ASK), NOTES])),
        [
            Fact("document", "messages", lambda m, t: any(w in str(m.items) for w in (NOTE, NOTE64))),
            Fact("title", "messages", lambda m, t: "note.txt" in str(m.items)),
        ],
    ),
    CrossingCase(
        "cited document",
        None,
        messages(user([text(ASK), dict(NOTES, citations={"enabled": True})])),
        [
            in_user_or_tool(NOTE),
            Fact(
                "citations",
                "messages.citations messages.document.citations",
                lambda m, t: "'citations': {'enabled': True}" in str(m.body),
            ),
        ],
    ),
    CrossingCase(
        "document with a context, of blocks",
        None,
        messages(
            user(
                [
                    text(ASK),
                    {
                        "type": "document",
                        "title": "note.txt",
                        "context": "Found today.",
                        "source": {"type": "content", "content": [text(NOTE), text("Or not.")]},
                    },
                ]
            )
        ),
        [
            in_user_or_tool(NOTE),
            in_user_or_tool("Or not."),
            in_user_or_tool("note.txt"),
            in_user_or_tool("Found today."),
        ],
    ),
    CrossingCase(
        "PDF in a result",
        None,
        messages(
            user(ASK),
            assistant([use("toolu_1", "look", city="Rome")]),
            user([result("toolu_1", [text("sunny"), DOCUMENT])]),
            tools=[tool("look")],
        ),
        [calls_are(LOOK), pictured("file", "application/pdf", PDF, "law.pdf")],
    ),
    CrossingCase(
        "search results",
        None,
        messages(
            user(
                [
                    text(ASK),
                    {
                        "type": "search_result",
                        "source": "https://example.org/x",
                        "title": "The law",
                        "content": [text(NOTE)],
                    },
                ]
            )
        ),
        [in_user_or_tool(NOTE), in_user_or_tool("The law"), in_user_or_tool("https://example.org/x")],
    ),
    CrossingCase(
        "uploaded file",
        chat(user([text(ASK), {"type": "file", "file": {"file_id": "file-abc123"}}])),
        messages(user([text(ASK), {"type": "document", "source": {"type": "file", "file_id": "file_abc123"}}])),
        [
            Fact(
                "file",
                "messages part.file part.file_id file_id",
                lambda m, t: any(i[2] in ("file-abc123", "file_abc123") for i in m.kinds("file_id")),
            )
        ],
    ),
    CrossingCase(
        "sound",
        chat(user([text(ASK), {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])),
        None,
        [Fact("sound", "messages part.input_audio", lambda m, t: bool(m.kinds("audio")))],
    ),
]
