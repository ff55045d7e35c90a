/* chat_reasoning.c - reasoning that must come back unchanged, for clients of chat completions: the member
 * reasoning_details, in the form that OpenRouter made known. */
#include "canon/fold.h"
#include "canon/view.h"
#include "face/chat/chat.h"

/* One entry of reasoning_details. `text` may be absent. */
static void write_detail(const struct fold_thought *t, struct text text, struct json_writer *w)
{
    bool redacted = t->redacted.ptr != NULL;
    json_object(w);
    json_name(w, "type");
    json_put_str(w, redacted ? TEXT("reasoning.encrypted") : TEXT("reasoning.text"));
    if (redacted || text.ptr != NULL) {
        json_key(w, redacted ? TEXT("data") : TEXT("text"));
        json_put_str(w, redacted ? t->redacted : text);
    }
    if (t->signature.ptr != NULL) {
        json_name(w, "signature");
        json_put_str(w, t->signature);
    }
    json_name(w, "index");
    json_put_int(w, t->item);
    json_name(w, "format");
    json_put_str(w, t->format);
    json_close(w);
}

void chat_write_details(const gw_event *event, struct json_writer *w)
{
    struct fold_thought t = { .item = event->item, .format = view_text(event->id) };
    bool signature = event->type == GW_EVENT_SIGNATURE;
    json_name(w, "reasoning_details");
    json_array(w);
    if (text_ends(t.format, TEXT(FOLD_REDACTED))) {
        t.format.len -= sizeof FOLD_REDACTED - 1;
        t.redacted = event->text.ptr != NULL ? view_text(event->text) : TEXT("");
    } else if (signature) {
        t.signature = view_text(event->text);
    }
    if (t.redacted.ptr == NULL && event->data.len > 0 && json_check_quick(view_text(event->data)) == 0)
        json_put_trusted(w, view_text(event->data));
    else
        write_detail(&t, signature ? TEXT_NONE : view_text(event->text), w);
    json_close(w);
}

/* The entry that the text began with, with all of the text. False when there is none, or the entry that ends the block has
 * all of it. */
static bool write_first(struct arena *arena, const struct fold_thought *t, struct json_writer *w)
{
    const struct json *first = json_parse_quick(arena, t->first), *end = json_parse_quick(arena, t->entry);
    struct text type = json_str(json_member(first, "type"));
    if (type.len == 0 || text_eq(type, json_str(json_member(end, "type"))))
        return false;
    json_object(w);
    for (size_t i = 0; i < json_count(first); i++) {
        struct text name = json_key_at(first, i);
        json_key(w, name);
        if (text_is(name, "text") || text_is(name, "summary"))
            json_put_str(w, buf_view(&t->text));
        else
            json_put_json(w, json_at(first, i));
    }
    json_close(w);
    return true;
}

void chat_write_thoughts(struct arena *arena, const struct fold_thought *thoughts, struct json_writer *w)
{
    if (thoughts == NULL)
        return;
    json_name(w, "reasoning_details");
    json_array(w);
    for (const struct fold_thought *t = thoughts; t != NULL; t = t->next) {
        bool told = t->entry.ptr != NULL && json_check_quick(t->entry) == 0;
        if ((t->text.len > 0 || !told) && !write_first(arena, t, w))
            write_detail(t, t->text.len > 0 ? buf_view(&t->text) : TEXT(""), w);
        if (told)
            json_put_trusted(w, t->entry);
    }
    json_close(w);
}
