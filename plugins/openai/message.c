/* message.c - reads what one message, or a delta of it, carries: text, reasoning, media, citations. Tool calls are in
 * tools.c. */
#include "openai.h"

void openai_emit_text(struct reader *r, uint32_t type, const struct choice *choice, uint32_t item, gw_str text)
{
    if (text.len == 0)
        return;
    openai_start(r);
    r->emit(r->call,
            &(gw_event){ .size = sizeof(gw_event), .type = type, .index = choice->index, .item = item, .text = text });
}

void openai_emit_data(struct reader *r, uint32_t type, const struct choice *choice, gw_str json)
{
    if (json.len == 0)
        return;
    openai_start(r);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event), .type = type, .index = choice->index, .data = json });
}

/* Mistral's reasoning models and some others: content is a list of parts. */
static void read_parts(struct reader *r, const struct choice *choice, const gw_json *parts)
{
    for (size_t i = 0; i < r->h->json->count(parts); i++) {
        const gw_json *part = r->h->json->at(parts, i);
        gw_str type = openai_str(r, part, GW_LIT("type"));
        if (openai_is(type, "thinking")) {
            const gw_json *thinking = openai_get(r, part, GW_LIT("thinking"));
            openai_emit_text(r, GW_EVENT_REASONING, choice, 0, r->h->json->str(thinking));
            for (size_t k = 0; k < r->h->json->count(thinking); k++)
                openai_emit_text(r, GW_EVENT_REASONING, choice, 0,
                                 openai_str(r, r->h->json->at(thinking, k), GW_LIT("text")));
            openai_emit_text(r, GW_EVENT_SIGNATURE, choice, 0, openai_str(r, part, GW_LIT("signature")));
        } else if (openai_is(type, "refusal")) {
            openai_emit_text(r, GW_EVENT_REFUSAL, choice, 0, openai_str(r, part, GW_LIT("refusal")));
        } else if (openai_is(type, "image_url") || openai_is(type, "output_audio")) {
            openai_emit_data(r, GW_EVENT_MEDIA, choice, r->h->json->text(part));
        } else {
            openai_emit_text(r, GW_EVENT_TEXT, choice, 0, openai_str(r, part, GW_LIT("text")));
        }
    }
}

static gw_str detail_text(const struct reader *r, const gw_json *detail)
{
    gw_str text = openai_str(r, detail, GW_LIT("text"));
    return text.len > 0 ? text : openai_str(r, detail, GW_LIT("summary"));
}

/* OpenRouter and others: the text by blocks, with signatures and encrypted blobs. A block that was signed must come
 * back as it is, so the whole entry goes along, and the format that names whose it is. */
static void read_reasoning_detail(struct reader *r, struct choice *choice, const gw_json *detail, uint32_t item)
{
    gw_str format = openai_str(r, detail, GW_LIT("format"));
    gw_str signature = openai_str(r, detail, GW_LIT("signature")), blob = openai_str(r, detail, GW_LIT("data"));
    gw_str text = detail_text(r, detail);
    bool alone = signature.len == 0 && blob.len == 0; /* else the entry goes along with these */

    if (text.len > 0) {
        choice->block = item;
        openai_start(r);
        r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                      .type = GW_EVENT_REASONING,
                                      .index = choice->index,
                                      .item = item,
                                      .id = format,
                                      .text = text,
                                      .data = r->h->json->text(alone ? detail : NULL) });
    }
    if (signature.len == 0 && blob.len == 0)
        return;
    openai_start(r);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                  .type = GW_EVENT_SIGNATURE,
                                  .index = choice->index,
                                  .item = item,
                                  .id = format,
                                  .text = signature.len > 0 ? signature : blob,
                                  .data = r->h->json->text(detail) });
}

/* The text comes as a member and, of those that keep blocks apart, once more in these: then the blocks' counts. */
static void read_reasoning(struct reader *r, struct choice *choice, const gw_json *message)
{
    const gw_json *details = openai_get(r, message, GW_LIT("reasoning_details"));
    gw_str text = openai_str(r, message, GW_LIT("reasoning_content"));
    bool in_blocks = false;

    if (text.len == 0)
        text = openai_str(r, message, GW_LIT("reasoning"));
    for (size_t i = 0; i < r->h->json->count(details); i++)
        in_blocks = in_blocks || detail_text(r, r->h->json->at(details, i)).len > 0;
    if (!in_blocks)
        openai_emit_text(r, GW_EVENT_REASONING, choice, choice->block, text);
    for (size_t i = 0; i < r->h->json->count(details); i++) {
        const gw_json *detail = r->h->json->at(details, i);
        int64_t index = r->h->json->integer(openai_get(r, detail, GW_LIT("index")), (int64_t)i);
        read_reasoning_detail(r, choice, detail, index >= 0 && index < 1000 ? (uint32_t)index : 0);
    }
}

/* Audio that a model speaks, and images that it draws. */
static void read_media(struct reader *r, const struct choice *choice, const gw_json *message)
{
    const gw_json *audio = openai_get(r, message, GW_LIT("audio")), *images = openai_get(r, message, GW_LIT("images"));

    if (r->h->json->type(audio) == GW_JSON_OBJECT) {
        gw_writer *w = r->h->writer(r->call);
        r->h->write->object(w);
        r->h->write->key(w, GW_LIT("type"));
        r->h->write->str(w, GW_LIT("audio"));
        r->h->write->key(w, GW_LIT("audio"));
        r->h->write->copy(w, audio);
        r->h->write->close(w);
        if (r->h->write->end(w) == GW_OK)
            openai_emit_data(r, GW_EVENT_MEDIA, choice, r->h->write->text(w));
    }
    for (size_t i = 0; i < r->h->json->count(images); i++)
        openai_emit_data(r, GW_EVENT_MEDIA, choice, r->h->json->text(r->h->json->at(images, i)));
}

void openai_message(struct reader *r, struct choice *choice, const gw_json *message, bool whole)
{
    const gw_json *content = openai_get(r, message, GW_LIT("content"));
    const gw_json *annotations = openai_get(r, message, GW_LIT("annotations"));

    read_reasoning(r, choice, message);
    openai_emit_text(r, GW_EVENT_TEXT, choice, 0, r->h->json->str(content));
    read_parts(r, choice, content);
    openai_emit_text(r, GW_EVENT_REFUSAL, choice, 0, openai_str(r, message, GW_LIT("refusal")));
    read_media(r, choice, message);
    openai_tool_calls(r, choice, openai_get(r, message, GW_LIT("tool_calls")), whole);
    openai_function_call(r, choice, openai_get(r, message, GW_LIT("function_call")));
    for (size_t i = 0; i < r->h->json->count(annotations); i++) {
        r->state->cited = true;
        openai_emit_data(r, GW_EVENT_CITATION, choice, r->h->json->text(r->h->json->at(annotations, i)));
    }
}
