/* other.c - moderations, rerank, images and audio on the wire: relayed as they are. The body is JSON, or a multipart form (uploads)
 * whose part "model" is replaced. */
#include "dialect/form.h"
#include "dialect/look.h"
#include "dialect/openai.h"

/* The value of the form's part "model": where it stands in the body. */
static struct text form_model(const struct ask *ask)
{
    struct form form;
    struct text name, value;
    if (form_open(&form, ask->content_type, ask->body))
        while (form_next(&form, &name, &value))
            if (text_is(name, "model"))
                return value;
    return TEXT_NONE;
}

static void splice(struct arena *arena, const struct ask *ask, struct text model, struct text **pieces, size_t *count)
{
    if (!form_is_meant(ask->content_type, ask->body)) {
        splice_rename(arena, ask, model, pieces, count);
        return;
    }
    struct text old = form_model(ask);
    size_t at = (size_t)(old.ptr - ask->body.ptr);
    struct splice_edit edit = { at, at + old.len, model };
    splice_pieces(arena, ask, &edit, 1, pieces, count);
}

static unsigned tap(struct arena *arena, struct text name, struct text data)
{
    (void)arena;
    unsigned found = text_is(data, "[DONE]") ? DIALECT_TAP_DONE : 0;
    if (text_is(name, "error"))
        found |= DIALECT_TAP_ERROR;
    if (look_value_of(data, TEXT("\"usage\"")) == '{')
        found |= DIALECT_TAP_USAGE | DIALECT_TAP_FINISH; /* the last event of image and speech streams */
    return found;
}

static unsigned extract(struct arena *arena, struct text body, struct text *out)
{
    static const char *const kept[] = { "usage", "meta", "error", NULL };
    struct scan scan;
    unsigned found = look_extract(arena, body, kept, &scan, out);
    if (found == DIALECT_TAP_BAD)
        return 0; /* audio, text, subtitles: whatever it is, it is the answer */
    const struct scan_member *meta = scan_get(&scan, "meta");
    return found | (meta != NULL && meta->type == '{' ? DIALECT_TAP_USAGE : 0u);
}

const struct dialect dialect_other = {
    .name = "other",
    .bit = GW_DIALECT_OTHER,
    OPENAI_COMMON,
    .write_error_event = openai_error_event,
    .ping = OPENAI_PING,
    .splice = splice,
    .tap = tap,
    .extract = extract,
};
