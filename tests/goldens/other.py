"""other.py - exchanges of what is relayed and metered: responses, embeddings, older completions."""

from shape import data, exchange, named

COUNTED = {"input_tokens": 12, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
           "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 17}


def response(model, status="completed", used=COUNTED, text="It is fine."):
    output = [{"type": "message", "id": "msg_golden", "status": "completed", "role": "assistant",
               "content": [{"type": "output_text", "text": text, "annotations": []}]}]
    return {"id": "resp_golden", "object": "response", "created_at": 1760000000, "status": status, "model": model,
            "output": output if status == "completed" else [], "usage": used}


def response_events(model):
    parts = ["It ", "is ", "fine."]
    events = [{"type": "response.created", "response": response(model, "in_progress", None)},
              {"type": "response.output_item.added", "output_index": 0, "item": {
                  "type": "message", "id": "msg_golden", "status": "in_progress", "role": "assistant", "content": []}},
              {"type": "response.content_part.added", "item_id": "msg_golden", "output_index": 0, "content_index": 0,
               "part": {"type": "output_text", "text": "", "annotations": []}}]
    events += [{"type": "response.output_text.delta", "item_id": "msg_golden", "output_index": 0, "content_index": 0,
                "delta": part} for part in parts]
    events.append({"type": "response.completed", "response": response(model)})
    return [named({**event, "sequence_number": number}) for number, event in enumerate(events)]


def embeddings(model):
    return {"object": "list", "model": model, "data": [{"object": "embedding", "index": 0, "embedding": [0.6, -0.8, 0.0]}],
            "usage": {"prompt_tokens": 4, "total_tokens": 4}}


def files():
    base = {"openai": "https://api.openai.com/v1", "azure": "https://example.openai.azure.com/openai/v1",
            "bedrock-mantle": "https://bedrock-mantle.us-east-1.api.aws/v1", "deepseek": "https://api.deepseek.com/v1",
            "mistral": "https://api.mistral.ai/v1", "vllm": "http://127.0.0.1:8000/v1", "voyage": "https://api.voyageai.com/v1",
            "xai": "https://api.x.ai/v1"}
    for service, url in base.items():
        model = "text-embedding-3-small"
        yield ("recordings/%s/embeddings-embeddings-01.json" % service, exchange(
            service, "embeddings", "embeddings", url + "/embeddings", {"model": model, "input": "a word or two"},
            embeddings(model)))
        if service in ("openai", "azure", "bedrock-mantle", "xai"):
            for stream, answer in ((False, response("gpt-4o-mini")), (True, response_events("gpt-4o-mini"))):
                case = "text-" + ("stream" if stream else "nonstream")
                request = {"model": "gpt-4o-mini", "input": "What is the weather?", **({"stream": True} if stream else {})}
                yield ("recordings/%s/responses-%s-01.json" % (service, case), exchange(
                    service, "responses", case, url + "/responses", request, answer))
    events = [data({"id": "cmpl-golden", "object": "text_completion", "created": 1760000000, "model": "qwen3-8b", "choices": [
        {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}]}) for text, finish in
        ((".", None), (" Then", None), (" the", "length"))]
    request = {"model": "qwen3-8b", "prompt": "Once", "max_tokens": 3, "stream": True}
    yield ("recordings/vllm/completions-truncated-stream-01.json", exchange(
        "vllm", "completions", "truncated-stream", base["vllm"] + "/completions", request, events + [data("[DONE]")]))
