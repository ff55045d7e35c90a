/* names.c - names of functions. Gemini's begin with a letter or an underscore and have letters, digits and _ . : - only,
 * 64 at most (ai.google.dev/api/caching#FunctionDeclaration, 2026-11). Clients' names may be longer (MCP: Anthropic takes
 * 128) or have other characters: such a name is sent in another way, with a hash, and given back in the calls. */
#include "gemini.h"

enum { NAME_MOST = 64, HASH_DIGITS = 8 };

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int is_taken(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
}

static int is_fine(gw_str name)
{
    size_t i = 0;
    while (i < name.len && i <= NAME_MOST && is_taken(name.ptr[i]))
        i++;
    return i == name.len && name.len <= NAME_MOST && (name.len == 0 || is_letter(name.ptr[0]));
}

/* Eight letters and digits, one of 2 * 10^14 (FNV-1a). */
static void write_hash(gw_str name, char *out)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.len; i++)
        sum = (sum ^ (unsigned char)name.ptr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < HASH_DIGITS; i++, sum /= 62)
        out[i] = digits[sum % 62];
}

gw_str names_sent(const gw_host *h, gw_call *call, gw_str name)
{
    char *out;
    size_t kept = 0, len = 0;
    if (is_fine(name) || (out = h->alloc(call, NAME_MOST, 1)) == NULL)
        return name;
    if (!is_letter(name.ptr[0]))
        out[len++] = '_';
    while (kept < name.len && kept < NAME_MOST && is_taken(name.ptr[kept]))
        kept++;
    if (kept == name.len && name.len + len <= NAME_MOST) { /* only its beginning was wrong */
        memcpy(out + len, name.ptr, name.len);
        return (gw_str){ out, name.len + len };
    }
    for (size_t i = 0; i < name.len && len < NAME_MOST - HASH_DIGITS - 1; i++)
        out[len++] = is_taken(name.ptr[i]) ? name.ptr[i] : '_';
    out[len++] = '_';
    write_hash(name, out + len);
    return (gw_str){ out, len + HASH_DIGITS };
}

gw_str names_back(const gw_host *h, gw_call *call, const struct gemini_state *state, gw_str name)
{
    for (size_t i = 0; state->respelt && i < h->json->count(state->tools); i++) {
        gw_str given = gemini_text(h, gemini_get(h, h->json->at(state->tools, i), "function"), "name");
        gw_str sent = is_fine(given) ? (gw_str){ NULL, 0 } : names_sent(h, call, given);
        if (sent.len > 0 && sent.len == name.len && memcmp(sent.ptr, name.ptr, name.len) == 0)
            return given;
    }
    return name;
}
