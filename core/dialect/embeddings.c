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
    static const char *const kept[] = { "usage", "error", NULL };
    struct scan scan;
    unsigned found = look_extract(arena, body, kept, &scan, out);
    if ((found & (DIALECT_TAP_ERROR | DIALECT_TAP_BAD)) == 0 && scan_get(&scan, "data") == NULL &&
        scan_get(&scan, "embeddings") == NULL)
        found |= DIALECT_TAP_BAD;
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
