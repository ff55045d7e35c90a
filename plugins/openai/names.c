/* names.c - what is longer than a service takes: names of tools, shortened in the request and whole again in the
 * answer, and ids of tool calls, which only need to be the same where one means the other. Both are made from a hash,
 * so every request of a conversation has the same.
 *
 * OpenAI: 400 "Invalid 'tools[12].function.name': string too long. Expected a string with maximum length 64", and 40
 * for 'messages[2].tool_calls[0].id'; others follow it. MCP clients make longer names: Anthropic takes 128. */
#include <string.h>

#include "openai.h"

enum { NAME_MOST = 64, NAME_DIGITS = 8, ID_MOST = 40, ID_DIGITS = 9 };

/* The name of a tool that was declared, and what was sent for it. Memory of the call. */
struct short_name {
    struct short_name *next;
    gw_str whole, sent;
};

static bool is_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* `count` letters and digits; eight are one of 2 * 10^14. */
static void hash(gw_str s, char *out, size_t count)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t sum = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < s.len; i++)
        sum = (sum ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < count; i++) {
        out[i] = digits[sum % 62];
        sum /= 62;
    }
}

/* Memory of the call; `whole` itself where there is none left, which is reported at the end. */
static gw_str hashed(struct body_writer *w, gw_str whole, size_t kept, size_t count)
{
    char *text = w->h->alloc(w->call, kept + 1 + count, 1);
    size_t len = kept;
    if (text == NULL) {
        w->status = GW_E_NOMEM;
        return whole;
    }
    while (len > 0 && ((unsigned char)whole.ptr[len] & 0xc0) == 0x80) /* no half of a character */
        len--;
    if (len > 0)
        memcpy(text, whole.ptr, len);
    if (kept > 0)
        text[len++] = '_';
    hash(whole, text + len, count);
    return (gw_str){ text, len + count };
}

/* OpenAI takes any id that is not too long; Mistral nine letters and digits only, and calls from elsewhere have others.
 * What other services take is not known, and some read a name in an id: it goes as it is. */
gw_str openai_tool_id(struct body_writer *w, gw_str id)
{
    bool strict = openai_row_for(w, "messages.tool_ids")->how != GW_FIELD_CARRIED, fits = id.len == ID_DIGITS;

    if (!strict)
        fits = id.len <= ID_MOST ||
               openai_change(w->service, &w->asked, GW_LIT("messages.tool_ids"), OPENAI_LONG, GW_LIT("")) == NULL;
    for (size_t i = 0; strict && i < id.len; i++)
        fits = fits && is_digit(id.ptr[i]);
    return fits ? id : hashed(w, id, 0, ID_DIGITS);
}

static gw_str sent_name(struct body_writer *w, gw_str name)
{
    return name.len <= NAME_MOST ? name : hashed(w, name, NAME_MOST - NAME_DIGITS - 1, NAME_DIGITS);
}

void openai_note_name(struct body_writer *w, gw_str name)
{
    struct answer_state *state = w->h->state(w->call);
    struct short_name *one;

    if (name.len <= NAME_MOST || state == NULL)
        return;
    one = w->h->alloc(w->call, sizeof *one, _Alignof(struct short_name));
    if (one == NULL) {
        w->status = GW_E_NOMEM;
        return;
    }
    *one = (struct short_name){ .next = state->names, .whole = name, .sent = sent_name(w, name) };
    state->names = one;
}

gw_str openai_whole_name(const struct reader *r, gw_str name)
{
    for (const struct short_name *one = r->state->names; one != NULL; one = one->next)
        if (openai_same(one->sent, name))
            return one->whole;
    return name;
}

bool openai_write_name(struct body_writer *w, gw_str name, const gw_json *value)
{
    if (!openai_is(name, "name") || w->h->json->type(value) != GW_JSON_STR)
        return false;
    w->h->write->str(w->w, sent_name(w, w->h->json->str(value)));
    return true;
}

void openai_copy_choice(struct body_writer *w, const gw_json *value)
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
        gw_str name = type == GW_JSON_OBJECT ? w->h->json->key_at(value, i) : (gw_str){ NULL, 0 };
        if (type == GW_JSON_OBJECT)
            w->h->write->key(w->w, name);
        if (!openai_write_name(w, name, one))
            openai_copy_choice(w, one);
    }
    w->h->write->close(w->w);
}
