/* purpose.c - req.purpose: which chore of its own a coding agent sends. The programs announce it by a header or by the opening words
 * of a prompt that they carry; both are data below, from the programs' public sources and traffic (Claude Code, Codex, OpenCode). A
 * client can send the same words: a purpose chooses a model, it grants nothing. */
#include <string.h>

#include "script/api.h"

enum { OPENING = 4096 }; /* bytes of a text that are looked at */

/* The first that fits counts. An empty `value`: any. */
static const struct by_header {
    struct text name, value;
    const char *purpose;
} by_header[] = {
    { TEXT("x-openai-subagent"), TEXT("compact"), "compact" },
    { TEXT("x-openai-subagent"), TEXT(""), "subagent" },
};

static const struct by_header agent_header = { TEXT("x-claude-code-agent-id"), TEXT(""), "subagent" };

enum place { SYSTEM_TEXT, FIRST_TEXT, LAST_TEXT }; /* of the user: the first turn, the last one */

static const struct by_text {
    enum place place;
    bool begins; /* else the words may stand anywhere in the opening */
    struct text words;
    const char *purpose;
} by_text[] = {
    { SYSTEM_TEXT, true, TEXT("Analyze if this message indicates a new conversation topic"), "topic" },
    { SYSTEM_TEXT, true, TEXT("Generate a concise, sentence-case title"), "title" },
    { SYSTEM_TEXT, true, TEXT("Summarize this coding conversation in under 50 characters"), "title" },
    { SYSTEM_TEXT, true, TEXT("You are a title generator"), "title" },
    { FIRST_TEXT, true, TEXT("Please write a 5-10 word title"), "title" },
    { FIRST_TEXT, true, TEXT("Generate a title for this conversation"), "title" },
    { LAST_TEXT, false, TEXT("Your task is to create a detailed summary of"), "compact" },
    { LAST_TEXT, true, TEXT("You are performing a CONTEXT CHECKPOINT COMPACTION"), "compact" },
    { SYSTEM_TEXT, true, TEXT("You are an agent for Claude Code"), "subagent" },
};

static bool header_fits(const struct script_request *req, const struct by_header *want)
{
    for (size_t i = 0; i < req->header_count; i++)
        if (text_eq_nocase(req->headers[i].name, want->name))
            return want->value.len > 0 ? text_eq_nocase(req->headers[i].value, want->value)
                                       : req->headers[i].value.len > 0;
    return false;
}

/* The first or the last turn of a role; NULL: none. */
static const struct talk_turn *turn_of(const struct talk *talk, const char *role, bool last)
{
    const struct talk_turn *found = NULL;
    for (size_t i = 0; i < talk->count && (last || found == NULL); i++)
        if (strcmp(talk->turns[i].role, role) == 0)
            found = &talk->turns[i];
    return found;
}

static bool turn_has(const struct talk_turn *turn, const struct by_text *want)
{
    for (size_t i = 0; turn != NULL && i < turn->text_count; i++) {
        struct text opening = turn->texts[i];
        opening.len = opening.len < OPENING ? opening.len : OPENING;
        if (want->begins ? text_starts(opening, want->words) : text_find(opening, want->words) >= 0)
            return true;
    }
    return false;
}

static bool text_fits(const struct talk *talk, const struct by_text *want)
{
    if (want->place != SYSTEM_TEXT)
        return turn_has(turn_of(talk, "user", want->place == LAST_TEXT), want);
    for (size_t i = 0; i < talk->count; i++)
        if (strcmp(talk->turns[i].role, "system") == 0 && turn_has(&talk->turns[i], want))
            return true;
    return false;
}

const char *purpose_of(lua_State *L, struct script_request *req)
{
    int64_t most;
    if (req->operation != GW_OP_CHAT)
        return NULL;
    if (scan_int(scan_get(&req->ask->scan, "max_tokens"), &most) && most == 1)
        return "quota_check";
    for (size_t i = 0; i < sizeof by_header / sizeof *by_header; i++)
        if (header_fits(req, &by_header[i]))
            return by_header[i].purpose;
    const struct talk *talk = read_talk(L, req);
    for (size_t i = 0; i < sizeof by_text / sizeof *by_text; i++)
        if (text_fits(talk, &by_text[i]))
            return by_text[i].purpose;
    return header_fits(req, &agent_header) ? agent_header.purpose : NULL; /* a subagent has chores, too */
}
