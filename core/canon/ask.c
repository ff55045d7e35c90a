/* ask.c - the whole body as JSON, for who needs more than the scan. */
#include "canon/ask.h"

#include "canon/error.h"

const struct json *ask_json(struct arena *arena, struct ask *ask, struct fail *fail)
{
    if (ask->json != NULL)
        return ask->json;
    struct fail why = { 0 };
    bool scanned = ask->scan.text.ptr == ask->body.ptr && ask->scan.text.len == ask->body.len;
    ask->json = scanned ? json_parse_utf8(arena, ask->body, &why) : json_parse(arena, ask->body, &why);
    if (ask->json == NULL)
        error_set(fail, E_JSON, "the request body is not valid JSON: %s", why.text);
    return ask->json;
}
