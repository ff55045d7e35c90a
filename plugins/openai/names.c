/* names.c - what is longer than a service takes: names of tools, shortened in the request and whole again in the
 * answer, and ids of tool calls, which only need to be the same where one means the other. Both are made from a hash,
 * so every request of a conversation says the same.
 *
 * OpenAI: 400 "Invalid 'tools[12].function.name': string too long. Expected a string with maximum length 64", and 40
 * for 'messages[2].tool_calls[0].id'; others follow it. MCP clients make longer names: Anthropic takes 128. */
#include <string.h>

#include "openai.h"

enum { NAME_MOST = 64, NAME_DIGITS = 8, ID_MOST = 40, ID_DIGITS = 9 };

/* What stands for a longer text. Memory of the call. */
struct short_form {
    struct short_form *next;
    gw_str whole, text;
};

static bool is_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* `count` letters and digits. */
static void hash(gw_str s, unsigned round, char *out, size_t count)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t sum = UINT64_C(0xcbf29ce484222325) + round; /* FNV-1a */
    for (size_t i = 0; i < s.len; i++)
        sum = (sum ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < count; i++) {
        out[i] = digits[sum % 62];
        sum /= 62;
    }
}

static bool is_taken(const struct short_form *list, gw_str text)
{
    for (; list != NULL; list = list->next)
        if (openai_same(list->text, text))
            return true;
    return false;
}

/* The first `kept` bytes of `whole` and a hash of `digits` characters. `whole` is alive until the call is over. */
static gw_str stand_in(struct writing *w, struct short_form **list, gw_str whole, size_t kept, size_t digits)
{
    for (struct short_form *one = *list; one != NULL; one = one->next)
        if (openai_same(one->whole, whole))
            return one->text;
    struct short_form *one = w->h->alloc(w->call, sizeof *one, _Alignof(struct short_form));
    char *text = w->h->alloc(w->call, kept + digits + 1, 1);
    if (one == NULL || text == NULL) {
        w->status = GW_E_NOMEM;
        return whole;
    }
    size_t len = kept;
    while (len > 0 && ((unsigned char)whole.ptr[len] & 0xc0) == 0x80) /* no half of a character */
        len--;
    memcpy(text, whole.ptr, len);
    if (kept > 0)
        text[len++] = '_';
    *one = (struct short_form){
        .next = *list, .whole = whole, .text = {text, len + digits}
    };
    for (unsigned round = 0; round == 0 || is_taken(*list, one->text); round++)
        hash(whole, round, text + len, digits);
    *list = one;
    return one->text;
}

/* Mistral takes ids of nine letters and digits only: calls from elsewhere have others. */
gw_str openai_tool_id(struct writing *w, gw_str id)
{
    bool any = openai_row_for(w, "messages.tool_ids")->how == GW_FIELD_CARRIED;
    bool fits = any ? id.len <= ID_MOST : id.len == ID_DIGITS;

    for (size_t i = 0; !any && i < id.len; i++)
        fits = fits && is_digit(id.ptr[i]);
    return fits ? id : stand_in(w, &w->ids, id, 0, ID_DIGITS);
}

gw_str openai_tool_name(struct writing *w, gw_str name)
{
    struct reading *state = w->h->state(w->call);

    if (name.len <= NAME_MOST || state == NULL)
        return name;
    return stand_in(w, &state->names, name, NAME_MOST - NAME_DIGITS - 1, NAME_DIGITS);
}

gw_str openai_whole_name(const struct reader *r, gw_str name)
{
    for (const struct short_form *one = r->state->names; one != NULL; one = one->next)
        if (openai_same(one->text, name))
            return one->whole;
    return name;
}

void openai_copy_choice(struct writing *w, const gw_json *value)
{
    uint32_t type = w->h->json->type(value);

    if (type == GW_JSON_OBJECT)
        w->h->write->object(w->w);
    else if (type == GW_JSON_ARRAY)
        w->h->write->array(w->w);
    else {
        w->h->write->copy(w->w, value);
        return;
    }
    for (size_t i = 0; i < w->h->json->count(value); i++) {
        const gw_json *one = w->h->json->at(value, i);
        gw_str name = type == GW_JSON_OBJECT ? w->h->json->key_at(value, i) : (gw_str){NULL, 0};
        if (type == GW_JSON_OBJECT)
            w->h->write->key(w->w, name);
        if (openai_is(name, "name") && w->h->json->type(one) == GW_JSON_STR)
            w->h->write->str(w->w, openai_tool_name(w, w->h->json->str(one)));
        else
            openai_copy_choice(w, one);
    }
    w->h->write->close(w->w);
}

void openai_copy_declared(struct writing *w, const gw_json *object, bool open)
{
    if (w->h->json->type(object) != GW_JSON_OBJECT) { /* the service says what it thinks of it */
        w->h->write->copy(w->w, object);
        return;
    }
    w->h->write->object(w->w);
    for (size_t i = 0; i < w->h->json->count(object); i++) {
        gw_str name = w->h->json->key_at(object, i);
        const gw_json *value = w->h->json->at(object, i);
        if (openai_is_unclean(w, name))
            continue;
        w->h->write->key(w->w, name);
        if (open && openai_is(name, "strict"))
            w->h->write->boolean(w->w, 0);
        else if (openai_is(name, "name") && w->h->json->type(value) == GW_JSON_STR)
            w->h->write->str(w->w, openai_tool_name(w, w->h->json->str(value)));
        else
            w->h->write->copy(w->w, value);
    }
    w->h->write->close(w->w);
}
