/* regex.c - PCRE2 with bounds.
 *
 * PCRE2's match limit counts from each start anew, and one of its steps may read the whole text: it bounds no time. So every item of a
 * pattern has a callout (PCRE2_AUTO_CALLOUT), which charges the run for the item and for the text between it and the last one, and
 * ends the match when the run has used up its bounds. */
#include "script/regex.h"

#include <lua.h>
#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    STEPS_PER_ITEM = 2,
    BYTES_PER_STEP = 8,
    PLAIN_NS = 2, /* what a character costs an item that reads many: at most */
    PROPERTY_NS = 20,
    ITEM_MOST_NS = 10 * 1000 * 1000, /* nothing stops an item while it reads */
    MATCH_LIMIT = 10 * 1000 * 1000,  /* from one start */
    DEPTH_LIMIT = 200 * 1000,
    HEAP_LIMIT_KB = 4096, /* of the frames of one match */
    NEST_LIMIT = 100,
    HELD_MOST = 64 << 10, /* kept from match to match */
};

/* In front of each block: its length, for Lua's allocator. */
union block {
    size_t len;
    max_align_t align;
};

static void *take(size_t len, void *arg)
{
    struct regex *r = arg;
    void *ud;
    lua_Alloc allocate = lua_getallocf(r->state->L, &ud);
    union block *b = allocate(ud, NULL, 0, sizeof *b + len);
    if (b == NULL)
        return NULL;
    b->len = sizeof *b + len;
    r->held += b->len;
    return b + 1;
}

static void give_back(void *memory, void *arg)
{
    struct regex *r = arg;
    void *ud;
    if (memory == NULL)
        return;
    union block *b = (union block *)memory - 1;
    lua_Alloc allocate = lua_getallocf(r->state->L, &ud);
    r->held -= b->len;
    allocate(ud, b, b->len, 0);
}

/* Of one match. */
struct watch {
    struct regex *regex;
    size_t last; /* where the last item was tried */
};

static int on_item(pcre2_callout_block *at, void *arg)
{
    struct watch *w = arg;
    size_t moved = at->current_position > w->last ? at->current_position - w->last : w->last - at->current_position;
    if (w->regex->looks_back) /* what it compares may be as long as what it has read */
        moved += at->current_position > at->start_match ? at->current_position - at->start_match : 0;
    w->last = at->current_position;
    size_t steps = STEPS_PER_ITEM + w->regex->char_ns / 8 + moved * (1 + w->regex->char_ns / 16) / BYTES_PER_STEP;
    return state_charge(w->regex->state, (int64_t)steps) == NULL ? 0 : PCRE2_ERROR_CALLOUT;
}

static void explain(int code, char *why, size_t why_len)
{
    PCRE2_UCHAR text[256];
    if (pcre2_get_error_message(code, text, sizeof text) < 0)
        snprintf((char *)text, sizeof text, "error %d", code);
    snprintf(why, why_len, "%s", (char *)text);
}

static bool set_limits(struct regex *r)
{
    pcre2_match_context *limits = pcre2_match_context_create(r->general);
    r->limits = limits;
    if (limits == NULL)
        return false;
    pcre2_set_match_limit(limits, MATCH_LIMIT);
    pcre2_set_depth_limit(limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(limits, HEAP_LIMIT_KB);
    return true;
}

/* What a character may cost the heaviest item. The characters of a set that are no ASCII are looked at one by one. */
static size_t heaviest(struct text pattern)
{
    size_t most = PLAIN_NS, set = 0;
    bool in_set = false;
    if (text_find(pattern, TEXT("(*UCP)")) >= 0)
        most = PROPERTY_NS;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '\\' && i + 1 < pattern.len) {
            c = pattern.ptr[++i];
            if (c == 'p' || c == 'P' || c == 'X')
                set += PROPERTY_NS;
            else
                set += c == 'x' || c == 'o' || c == 'N';
        } else if (c == '[' && !in_set) {
            in_set = true;
            i += i + 1 < pattern.len && pattern.ptr[i + 1] == '^';
            i += i + 1 < pattern.len && pattern.ptr[i + 1] == ']';
        } else if (c == ']') {
            in_set = false;
        } else if (in_set) {
            set += ((unsigned char)c & 0xc0) == 0xc0;
        }
        most = set > most ? set : most;
        set = in_set ? set : 0;
    }
    return most;
}

static bool compile(struct regex *r, struct text pattern, pcre2_compile_context *how, char *why, size_t why_len)
{
    int code;
    size_t at;
    uint32_t captures, back;
    pcre2_set_newline(how, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(how, NEST_LIMIT);
    pcre2_set_max_pattern_length(how, REGEX_PATTERN_MOST);
    r->code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                            PCRE2_UTF | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C, &code, &at, how);
    if (r->code == NULL) {
        explain(code, why, why_len);
        size_t len = strlen(why);
        snprintf(why + len, why_len - len, " (at offset %zu of the pattern)", at);
        return false;
    }
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &captures);
    pcre2_pattern_info(r->code, PCRE2_INFO_BACKREFMAX, &back);
    r->captures = captures;
    r->char_ns = heaviest(pattern);
    r->looks_back = back > 0;
    if (captures > REGEX_CAPTURES)
        snprintf(why, why_len, "it has %u captures, at most %d are possible: write (?:...) for the others", captures,
                 REGEX_CAPTURES);
    return captures <= REGEX_CAPTURES;
}

bool regex_compile(struct regex *r, struct script_state *state, struct text pattern, char *why, size_t why_len)
{
    r->state = state;
    r->general = pcre2_general_context_create(take, give_back, r);
    pcre2_compile_context *how = r->general != NULL ? pcre2_compile_context_create(r->general) : NULL;
    bool good = how != NULL && set_limits(r);
    if (!good)
        snprintf(why, why_len, "there is no memory for it");
    else
        good = compile(r, pattern, how, why, why_len);
    pcre2_compile_context_free(how);
    r->held = 0; /* from here on, that of matches */
    return good;
}

static void end_match(struct regex *r)
{
    pcre2_match_data_free(r->match);
    r->match = NULL;
}

void regex_fini(struct regex *r)
{
    end_match(r);
    pcre2_code_free(r->code);
    pcre2_match_context_free(r->limits);
    pcre2_general_context_free(r->general);
    memset(r, 0, sizeof *r);
}

/* The text that was searched without a hit costs, too. */
static enum regex_end ended(struct regex *r, struct text subject, size_t from, int found, struct regex_hit *hit,
                            char *why, size_t why_len)
{
    size_t to = subject.len;
    if (found > 0) {
        memcpy(hit->at, pcre2_get_ovector_pointer(r->match), 2 * (r->captures + 1) * sizeof hit->at[0]);
        for (unsigned i = (unsigned)found; i <= r->captures; i++)
            hit->at[2 * i] = hit->at[2 * i + 1] = SIZE_MAX;
        to = hit->at[1];
        if (hit->at[0] > hit->at[1] || hit->at[0] < from) {
            snprintf(why, why_len, "\\K stands where the match begins before its text");
            return REGEX_WRONG;
        }
    }
    if (found == PCRE2_ERROR_CALLOUT || state_charge(r->state, 8 + (int64_t)((to - from) / 16)) != NULL)
        return REGEX_STOPPED;
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH)
        return found > 0 ? REGEX_FOUND : REGEX_NONE;
    if (found == PCRE2_ERROR_HEAPLIMIT || found == PCRE2_ERROR_DEPTHLIMIT || found == PCRE2_ERROR_NOMEMORY)
        snprintf(why, why_len, "the pattern needs too much memory for this text: it can match in too many ways");
    else if (found == PCRE2_ERROR_MATCHLIMIT)
        snprintf(why, why_len, "the pattern needs too many steps for this text: it can match in too many ways");
    else
        explain(found, why, why_len);
    return REGEX_WRONG;
}

enum regex_end regex_find(struct regex *r, struct text subject, size_t from, bool moves, struct regex_hit *hit,
                          char *why, size_t why_len)
{
    struct watch w = { r, from };
    if (subject.len > ITEM_MOST_NS / r->char_ns) {
        snprintf(why, why_len, "a text of %zu bytes is too long for the sets of characters in this pattern",
                 subject.len);
        return REGEX_WRONG;
    }
    if (r->match == NULL)
        r->match = pcre2_match_data_create(r->captures + 1, r->general);
    if (r->match == NULL) {
        snprintf(why, why_len, "there is no memory for the match");
        return REGEX_WRONG;
    }
    pcre2_set_callout(r->limits, on_item, &w);
    int found = pcre2_match(r->code, (PCRE2_SPTR)subject.ptr, subject.len, from,
                            PCRE2_NO_UTF_CHECK | (moves ? PCRE2_NOTEMPTY_ATSTART : 0), r->match, r->limits);
    enum regex_end end = ended(r, subject, from, found, hit, why, why_len);
    if (r->held > HELD_MOST)
        end_match(r);
    return end;
}
