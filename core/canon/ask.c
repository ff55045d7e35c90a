/* ask.c - the whole body as JSON, for who needs more than the scan. */
#include "canon/ask.h"

#include "canon/error.h"

const struct json *ask_json(struct arena *arena, struct ask *ask, struct fail *fail)
{
    if (ask->json != NULL)
        return ask->json;
    struct fail why = { 0 };
    ask->json = json_parse(arena, ask->body, &why);
    if (ask->json == NULL)
        error_set(fail, E_JSON, "the request body is not valid JSON: %s", why.text);
    return ask->json;
}
