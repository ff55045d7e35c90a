"""chat.py - exchanges of the chat completions API, for every service that the tests know, and of its older kin."""

from shape import PNG, data, exchange

# Service: address, model. What each adds of its own is in EXTRAS.
SERVICES = {
    "azure": ("https://example.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", "gpt-4o"),
    "deepseek": ("https://api.deepseek.com/v1/chat/completions", "deepseek-chat"),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", "gemini-2.5-flash"),
    "groq": ("https://api.groq.com/openai/v1/chat/completions", "llama-3.3-70b-versatile"),
    "huggingface": ("https://router.huggingface.co/v1/chat/completions", "Qwen/Qwen3-32B"),
    "llamacpp": ("http://127.0.0.1:8080/v1/chat/completions", "qwen3"),
    "mistral": ("https://api.mistral.ai/v1/chat/completions", "mistral-small-latest"),
    "ollama": ("http://127.0.0.1:11434/v1/chat/completions", "llama3.2"),
    "openai": ("https://api.openai.com/v1/chat/completions", "gpt-4o-mini"),
    "openrouter": ("https://openrouter.ai/api/v1/chat/completions", "openai/gpt-4o-mini"),
    "perplexity": ("https://api.perplexity.ai/chat/completions", "sonar"),
    "together": ("https://api.together.xyz/v1/chat/completions", "Qwen/Qwen3-32B"),
    "vercel-gateway": ("https://ai-gateway.vercel.sh/v1/chat/completions", "openai/gpt-4o-mini"),
    "vllm": ("http://127.0.0.1:8000/v1/chat/completions", "qwen3-8b"),
    "xai": ("https://api.x.ai/v1/chat/completions", "grok-4"),
    "zai": ("https://api.z.ai/api/paas/v4/chat/completions", "glm-4.6"),
}
USER = [{"role": "user", "content": "What is the weather in Paris?"}]
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}}
CALL = {"id": "call_1a2b", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}


def usage(prompt=12, completion=7, cached=0, reasoning=0):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning}}


def whole(model, message, finish="stop", used=None, choices=None):
    one = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}]
    return {"id": "chatcmpl-golden", "object": "chat.completion", "created": 1760000000, "model": model,
            "choices": choices or one, "usage": used or usage()}


def chunk(model, delta, finish=None, index=0, **more):
    return data({"id": "chatcmpl-golden", "object": "chat.completion.chunk", "created": 1760000000, "model": model,
                 "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more})


def streamed(model, deltas, finish="stop", used=None):
    events = [chunk(model, {"role": "assistant", "content": ""})] + [chunk(model, d) for d in deltas]
    events.append(chunk(model, {}, finish))
    if used:
        events.append(data({"id": "chatcmpl-golden", "object": "chat.completion.chunk", "created": 1760000000,
                            "model": model, "choices": [], "usage": used}))
    return events + [data("[DONE]")]


def error(code, message, kind="invalid_request_error", param=None):
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def cases(model):
    """case: (request without its model, answer, status)"""
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    text = ["The ", "weather ", "is ", "fine", ", 21 °C ☀."]
    call = [{"tool_calls": [{"index": 0, "id": "call_1a2b", "type": "function", "function": {"name": "get_weather",
                                                                                           "arguments": ""}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"ci'}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": 'ty":"Paris"}'}}]}]
    two = call[:1] + [{"tool_calls": [{"index": 1, "id": "call_2", "type": "function", "function": {
        "name": "get_weather", "arguments": '{"city":"Rome"}'}}]}] + call[1:]
    return {
        "text-nonstream": ({}, whole(model, {"content": "".join(text)}), 200),
        "text-stream": (asked, streamed(model, [{"content": t} for t in text], used=usage()), 200),
        "text_plain-stream": ({"stream": True}, streamed(model, [{"content": t} for t in text]), 200),
        "tool-nonstream": ({"tools": [TOOL]}, whole(model, {"content": None, "tool_calls": [CALL]}, "tool_calls"), 200),
        "tool-stream": ({"tools": [TOOL], **asked}, streamed(model, call, "tool_calls", usage()), 200),
        "tool_parallel-stream": ({"tools": [TOOL], **asked}, streamed(model, two, "tool_calls", usage()), 200),
        "tool_result-nonstream": ({"tools": [TOOL], "messages": USER + [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1a2b", "content": "21 degrees"}]},
            whole(model, {"content": "It is 21 degrees."}), 200),
        "cache-nonstream": ({}, whole(model, {"content": "Again."}, used=usage(2000, 3, cached=1920)), 200),
        "image-nonstream": ({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {
            "type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}]}]},
            whole(model, {"content": "A pixel."}), 200),
        "truncated-stream": ({"max_tokens": 2, **asked}, streamed(model, [{"content": "The "}], "length", usage(12, 2)), 200),
        "options-nonstream": ({"temperature": 0.2, "top_p": 0.9, "stop": ["END"], "seed": 7, "max_tokens": 50},
                              whole(model, {"content": "Fine."}), 200),
        "structured-nonstream": ({"response_format": {"type": "json_schema", "json_schema": {
            "name": "city", "strict": True, "schema": TOOL["function"]["parameters"]}}},
            whole(model, {"content": '{"city":"Paris"}'}), 200),
        "error-own_400": ({"temperature": 9}, error("invalid_value", "temperature must be at most 2", param="temperature"), 400),
        "error-own_401": ({}, error("invalid_api_key", "Incorrect API key provided"), 401),
        "error-own_404": ({}, error("model_not_found", "The model does not exist", param="model"), 404),
    }


def files():
    for service, (url, model) in SERVICES.items():
        wanted = cases(model)
        for case, (request, answer, status) in wanted.items():
            if status != 200 and service != "openai":
                continue
            body = {"model": model, "messages": USER, **request}
            yield ("recordings/%s/chat-%s-01.json" % (service, case),
                   exchange(service, "chat", case, url, body, answer, status))
    url, model = SERVICES["groq"]
    broken = streamed(model, [{"reasoning": "It "}])[:-2]
    broken.append("event: error\n" + data(error("tool_use_failed", "The call of the tool does not match its schema")))
    yield ("recordings/groq/chat-error-midstream-01.json", exchange(
        "groq", "chat", "error-midstream", url, {"model": model, "messages": USER, "stream": True}, broken))
    for service, details in (("deepseek", "reasoning_content"), ("openrouter", "reasoning")):
        url, model = SERVICES[service]
        yield ("recordings/%s/chat-thinking-nonstream-01.json" % service, exchange(
            service, "chat", "thinking-nonstream", url, {"model": model, "messages": USER},
            whole(model, {"content": "Fine.", details: "The user asks for the weather."}, used=usage(12, 20, 0, 15))))
