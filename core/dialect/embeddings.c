/* embeddings.c - OpenAI's embeddings on the wire. */
#include "dialect/look.h"
#include "dialect/openai.h"

static unsigned tap(struct arena *arena, struct text name, struct text data)
{
    (void)arena, (void)name, (void)data;
    return 0;
}

static unsigned extract(struct arena *arena, struct text body, struct text *out)
{
    struct scan scan;
    struct buf b;
    unsigned found = 0;
    *out = TEXT_NONE;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &scan) < 0)
        return DIALECT_TAP_BAD;
    const struct scan_member *usage = scan_get(&scan, "usage"), *error = scan_get(&scan, "error");
    if (usage != NULL && usage->type == '{')
        found |= DIALECT_TAP_USAGE;
    if (error != NULL && !scan_is_null(error))
        found |= DIALECT_TAP_ERROR;
    else if (scan_get(&scan, "data") == NULL && scan_get(&scan, "embeddings") == NULL)
        found |= DIALECT_TAP_BAD;
    buf_init(&b, body.len + 256);
    buf_str(&b, "{\"digest\":true");
    look_keep(&scan, "usage", &b);
    look_keep(&scan, "error", &b);
    buf_str(&b, "}");
    *out = look_take(arena, &b);
    return found;
}

const struct dialect dialect_embeddings = {
    .name = "embeddings",
    .bit = GW_DIALECT_EMBEDDINGS,
    OPENAI_COMMON,
    .write_error_event = openai_error_event,
    .marks_end = true,
    .splice = splice_rename,
    .tap = tap,
    .extract = extract,
};
