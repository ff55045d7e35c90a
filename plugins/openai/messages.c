/* messages.c - writes the messages of a canonical request as a service takes them: roles, the reasoning of earlier
 * turns, tool calls. In which order is in turns.c, their contents are in content.c. */
#include <string.h>

#include "openai.h"

/* The turns that are one message. */
struct run {
    const struct turn *turns;
    size_t count;
};

static const gw_json *member_of(const struct body_writer *w, const struct run *run, size_t i, const char *name)
{
    return w->h->json->get(run->turns[i].message, openai_lit(name));
}

/* Is it a member of a message that the service does not take? It has been reported, then. */
static bool is_lost(struct body_writer *w, gw_str name, const gw_json *value)
{
    char field[40] = "messages.";
    enum { BEFORE = sizeof "messages." - 1 };
    if (name.len == 0 || name.len >= sizeof field - BEFORE)
        return false;
    memcpy(field + BEFORE, name.ptr, name.len);
    const gw_capability *row = openai_rule(w->service, &w->asked, (gw_str){ field, BEFORE + name.len });
    if (row->how != GW_FIELD_DROPPED)
        return false;
    if (!openai_is_default(w, name, value))
        openai_drop(w, row);
    return true;
}

/* Google's signature of a call, which a Messages client kept as a block of reasoning: tools.c made that. */
static bool is_of_call(const struct body_writer *w, const gw_json *detail)
{
    return openai_is(w->h->json->str(w->h->json->get(detail, GW_LIT("format"))), OPENAI_GOOGLE_FORMAT) &&
           w->h->json->str(w->h->json->get(detail, GW_LIT("id"))).len > 0;
}

/* Do the calls of a run go with their signatures? */
static bool are_signed(const struct body_writer *w)
{
    return openai_row_for(w, "messages.extra_content")->how == GW_FIELD_CARRIED &&
           openai_row_for(w, "messages.reasoning_details")->how == GW_FIELD_DROPPED;
}

static gw_str signature_of(const struct body_writer *w, const struct run *run, gw_str id)
{
    enum { LOOKED_MOST = 256 }; /* no answer has as many blocks; a request that is made to cost time may */
    size_t looked = 0;

    for (size_t i = 0; i < run->count; i++) {
        const gw_json *details = member_of(w, run, i, "reasoning_details");
        for (size_t k = 0; k < w->h->json->count(details) && looked < LOOKED_MOST; k++, looked++) {
            const gw_json *one = w->h->json->at(details, k);
            if (is_of_call(w, one) && openai_same(w->h->json->str(w->h->json->get(one, GW_LIT("id"))), id))
                return w->h->json->str(w->h->json->get(one, GW_LIT("data")));
        }
    }
    return (gw_str){ NULL, 0 };
}

/* The first of several calls is the one that must be signed; Google signs no more than some. */
static void write_signature(struct body_writer *w, const struct run *run, const gw_json *call, size_t index)
{
    enum { SIGNED_MOST = 64 };
    const struct openai_rule *rule =
        openai_change(w->service, &w->asked, GW_LIT("messages.extra_content"), OPENAI_UNSIGNED_CALL, GW_LIT(""));
    gw_str signature = { NULL, 0 };

    if (index >= SIGNED_MOST || !are_signed(w) ||
        w->h->json->type(w->h->json->get(call, GW_LIT("extra_content"))) == GW_JSON_OBJECT)
        return;
    signature = signature_of(w, run, w->h->json->str(w->h->json->get(call, GW_LIT("id"))));
    if (signature.len == 0 && index == 0 && rule != NULL)
        signature = openai_lit(rule->levels);
    if (signature.len == 0)
        return;
    openai_key(w, "extra_content");
    w->h->write->object(w->w);
    openai_key(w, "google");
    w->h->write->object(w->w);
    openai_key(w, "thought_signature");
    w->h->write->str(w->w, signature);
    w->h->write->close(w->w);
    w->h->write->close(w->w);
}

static void write_calls(struct body_writer *w, const struct run *run, const gw_json *calls)
{
    for (size_t i = 0; i < w->h->json->count(calls); i++) {
        const gw_json *call = w->h->json->at(calls, i);
        bool has_members = w->h->json->type(call) == GW_JSON_OBJECT;
        w->h->write->object(w->w);
        for (size_t k = 0; has_members && k < w->h->json->count(call); k++) {
            gw_str name = w->h->json->key_at(call, k);
            const gw_json *value = w->h->json->at(call, k);
            if (openai_is_unclean(w, name) || openai_is(name, "index") ||
                (openai_is(name, "extra_content") && is_lost(w, name, value)))
                continue;
            w->h->write->key(w->w, name);
            if (openai_is(name, "id"))
                w->h->write->str(w->w, openai_tool_id(w, w->h->json->str(value)));
            else if (openai_is(name, "function") || openai_is(name, "custom"))
                openai_copy_clean(w, value, openai_write_name);
            else
                w->h->write->copy(w->w, value);
        }
        if (has_members)
            write_signature(w, run, call, i);
        w->h->write->close(w->w);
    }
}

static void write_all_calls(struct body_writer *w, const struct run *run)
{
    bool any = false;
    for (size_t i = 0; i < run->count; i++)
        any = any || w->h->json->count(member_of(w, run, i, "tool_calls")) > 0;
    if (!any)
        return;
    openai_key(w, "tool_calls");
    w->h->write->array(w->w);
    for (size_t i = 0; i < run->count; i++)
        write_calls(w, run, member_of(w, run, i, "tool_calls"));
    w->h->write->close(w->w);
}

/* The blocks of all turns, one after another; what a turn has only as a text is a block too. */
static void write_details(struct body_writer *w, const struct run *run)
{
    openai_key(w, "reasoning_details");
    if (run->count == 1) {
        w->h->write->copy(w->w, member_of(w, run, 0, "reasoning_details"));
        return;
    }
    w->h->write->array(w->w);
    for (size_t i = 0; i < run->count; i++) {
        const gw_json *details = member_of(w, run, i, "reasoning_details");
        gw_str text = w->h->json->str(member_of(w, run, i, "reasoning_content"));
        for (size_t k = 0; k < w->h->json->count(details); k++)
            w->h->write->copy(w->w, w->h->json->at(details, k));
        if (w->h->json->count(details) > 0 || text.len == 0)
            continue;
        w->h->write->object(w->w);
        openai_key(w, "type");
        w->h->write->str(w->w, GW_LIT("reasoning.text"));
        openai_key(w, "text");
        w->h->write->str(w->w, text);
        w->h->write->close(w->w);
    }
    w->h->write->close(w->w);
}

static gw_str thought(struct body_writer *w, const struct run *run)
{
    gw_str *texts = run->count > 1 ? w->h->alloc(w->call, run->count * sizeof *texts, _Alignof(gw_str)) : NULL;
    if (run->count > 1 && texts == NULL)
        w->status = GW_E_NOMEM;
    if (texts == NULL)
        return w->h->json->str(member_of(w, run, 0, "reasoning_content"));
    for (size_t i = 0; i < run->count; i++)
        texts[i] = w->h->json->str(member_of(w, run, i, "reasoning_content"));
    return openai_join_texts(w, texts, run->count);
}

/* Where a model that thinks wants the reasoning of each earlier turn, also of those that have none: another model made
 * them, or one that did not think. */
static void write_no_reasoning(struct body_writer *w, const struct run *run)
{
    const gw_str field = GW_LIT("messages.reasoning_content");
    /* where thinking can be switched off, it is when none was asked for, and when a call is forced */
    bool switched = openai_row_for(w, "reasoning_effort")->how == GW_FIELD_TRANSLATED;
    bool forced = w->asked.forced && openai_row_for(w, "tool_choice.forced")->how == GW_FIELD_TRANSLATED;
    bool called = false, thinking = (w->asked.thinks || !switched) && !forced;
    for (size_t i = 0; i < run->count; i++)
        called = called || w->h->json->count(member_of(w, run, i, "tool_calls")) > 0;
    if (run->turns->role != TURN_ASSISTANT || !thinking)
        return;
    const struct openai_rule *rule = openai_change(w->service, &w->asked, field, OPENAI_UNREASONED, GW_LIT(""));
    if (rule == NULL && called)
        rule = openai_change(w->service, &w->asked, field, OPENAI_UNREASONED_CALL, GW_LIT(""));
    if (rule == NULL)
        return;
    openai_key(w, "reasoning_content");
    w->h->write->str(w->w, openai_lit(rule->levels));
}

/* Are there others than those that go with the calls? */
static bool has_blocks(const struct body_writer *w, const gw_json *details)
{
    for (size_t k = 0; k < w->h->json->count(details); k++)
        if (!are_signed(w) || !is_of_call(w, w->h->json->at(details, k)))
            return true;
    return false;
}

/* Reasoning of earlier turns: blocks where the service takes them, else their text, else nothing. */
static void write_reasoning(struct body_writer *w, const struct run *run)
{
    const gw_capability *for_details = openai_row_for(w, "messages.reasoning_details");
    const gw_capability *for_text = openai_row_for(w, "messages.reasoning_content");
    gw_str text = thought(w, run);
    bool has_details = false, has_text = text.len > 0;

    for (size_t i = 0; i < run->count; i++)
        has_details = has_details || has_blocks(w, member_of(w, run, i, "reasoning_details"));
    if (has_details && for_details->how == GW_FIELD_CARRIED) {
        write_details(w, run);
        return;
    }
    if (has_text && for_text->how != GW_FIELD_DROPPED) {
        openai_key(w, for_text->how == GW_FIELD_TRANSLATED ? for_text->as : "reasoning_content");
        w->h->write->str(w->w, text);
        return;
    }
    if (has_text || has_details)
        openai_drop(w, has_text ? for_text : for_details);
    write_no_reasoning(w, run);
}

/* What was refused, where it is written as text; empty elsewhere. */
static gw_str refusal_of(const struct body_writer *w, const gw_json *message)
{
    if (openai_row_for(w, "messages.refusal")->how != GW_FIELD_TRANSLATED)
        return GW_LIT("");
    return w->h->json->str(w->h->json->get(message, GW_LIT("refusal")));
}

static void write_role(struct body_writer *w, const struct turn *turn, const gw_json *value)
{
    const gw_capability *developer = openai_row_for(w, "role.developer");
    if (turn->reminder)
        w->h->write->str(w->w, GW_LIT("user"));
    else if (developer->how == GW_FIELD_TRANSLATED && openai_is(w->h->json->str(value), "developer"))
        w->h->write->str(w->w, openai_lit(developer->as));
    else
        w->h->write->copy(w->w, value);
}

/* What is written before the text: that the tool failed. */
static gw_str mark_of(const struct body_writer *w, const gw_json *message)
{
    const gw_capability *error = openai_row_for(w, "messages.is_error");
    bool failed = w->h->json->boolean(w->h->json->get(message, GW_LIT("is_error")), 0);
    return failed && error->as != NULL ? openai_lit(error->as) : GW_LIT("");
}

/* A member of the first turn of a run; content and calls are those of all of them. */
static void write_message_member(struct body_writer *w, const struct run *run, gw_str name, const gw_json *value)
{
    const gw_json *message = run->turns->message;
    bool joined = run->count > 1 || run->turns->reminder;
    gw_str refusal = refusal_of(w, message);

    if (openai_is_unclean(w, name) || openai_is(name, "is_error") || openai_is(name, "reasoning_content") ||
        openai_is(name, "reasoning_details") || is_lost(w, name, value))
        return;
    if (openai_is(name, "refusal") && openai_row_for(w, "messages.refusal")->how == GW_FIELD_TRANSLATED) {
        if (refusal.len > 0 && w->h->json->type(w->h->json->get(message, GW_LIT("content"))) == GW_JSON_ABSENT) {
            openai_key(w, "content");
            w->h->write->str(w->w, refusal);
        }
        return;
    }
    if (joined && (openai_is(name, "content") || openai_is(name, "tool_calls")))
        return;
    w->h->write->key(w->w, name);
    if (openai_is(name, "content")) {
        openai_write_content(w, value, mark_of(w, message), refusal);
    } else if (openai_is(name, "tool_calls") && w->h->json->type(value) == GW_JSON_ARRAY) {
        w->h->write->array(w->w);
        write_calls(w, run, value);
        w->h->write->close(w->w);
    } else if (openai_is(name, "tool_call_id")) {
        w->h->write->str(w->w, openai_tool_id(w, w->h->json->str(value)));
    } else if (openai_is(name, "role")) {
        write_role(w, run->turns, value);
    } else {
        w->h->write->copy(w->w, value);
    }
}

/* What stands for the content of an assistant that has neither text nor calls; absent where it stays as it is. */
static gw_str silence(const struct body_writer *w, const struct run *run)
{
    static const char *const others[] = { "tool_calls", "function_call", "refusal", "audio" };
    const gw_json *message = run->turns->message, *content = w->h->json->get(message, GW_LIT("content"));
    const struct openai_rule *rule =
        openai_change(w->service, &w->asked, GW_LIT("messages.content"), OPENAI_SILENT, GW_LIT(""));
    uint32_t type = w->h->json->type(content);
    bool is_none = type == GW_JSON_ABSENT || type == GW_JSON_NULL;
    bool is_empty = type == GW_JSON_STR && w->h->json->text(content).len == 2; /* its quotes */

    if (rule == NULL || run->count > 1 || run->turns->role != TURN_ASSISTANT || (!is_none && !is_empty) ||
        (is_empty && rule->levels[0] == '\0'))
        return (gw_str){ NULL, 0 };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!openai_is_default(w, openai_lit(others[i]), w->h->json->get(message, openai_lit(others[i]))))
            return (gw_str){ NULL, 0 };
    return openai_lit(rule->levels);
}

static void write_run(struct body_writer *w, const struct run *run, bool last)
{
    const gw_json *message = run->turns->message;
    const gw_capability *prefill = openai_row_for(w, "messages.prefill");
    bool has_members = w->h->json->type(message) == GW_JSON_OBJECT;
    gw_str instead = silence(w, run);

    w->h->write->object(w->w);
    for (size_t k = 0; has_members && k < w->h->json->count(message); k++)
        if (instead.ptr == NULL || !openai_is(w->h->json->key_at(message, k), "content"))
            write_message_member(w, run, w->h->json->key_at(message, k), w->h->json->at(message, k));
    if (instead.ptr != NULL) {
        openai_key(w, "content");
        w->h->write->str(w->w, instead);
    }
    if (run->count > 1 || run->turns->reminder) {
        openai_key(w, "content");
        openai_write_joined(w, run->turns, run->count, mark_of(w, message));
        write_all_calls(w, run);
    }
    write_reasoning(w, run);
    if (last && run->turns->role == TURN_ASSISTANT && prefill->how == GW_FIELD_TRANSLATED) {
        openai_key(w, prefill->as); /* at the end, an assistant's message is the beginning of the answer */
        w->h->write->boolean(w->w, 1);
    }
    w->h->write->close(w->w);
}

/* The text of a message that the chat does not have, where a service requires one. */
static void write_said(struct body_writer *w, gw_str role, gw_str text)
{
    w->h->write->object(w->w);
    openai_key(w, "role");
    w->h->write->str(w->w, role);
    openai_key(w, "content");
    w->h->write->str(w->w, text);
    w->h->write->close(w->w);
}

/* Is turn `at` the assistant's, with nobody but the system before it? */
static bool begins(const struct turn *turns, size_t at)
{
    return turns[at].role == TURN_ASSISTANT && (at == 0 || turns[at - 1].role == TURN_SYSTEM);
}

/* The last message is the assistant's, where it must be the user's. */
static void end_with_user(struct body_writer *w, const struct turn *last)
{
    const gw_capability *prefill = openai_row_for(w, "messages.prefill");
    if (last->role != TURN_ASSISTANT || prefill->how != GW_FIELD_DROPPED)
        return;
    openai_drop(w, prefill);
    write_said(w, GW_LIT("user"), GW_LIT("Continue."));
}

/* The role of the message before turn `at`. */
static unsigned role_before(const struct turn *turns, size_t at)
{
    while (turns[--at].joins)
        continue;
    return turns[at].role;
}

void openai_write_messages(struct body_writer *w, const gw_json *messages)
{
    size_t count = w->h->json->count(messages);
    const struct turn *turns = openai_turns(w, messages);
    bool bridged = openai_row_for(w, "messages.user_after_tool")->how == GW_FIELD_TRANSLATED;
    bool user_first = openai_row_for(w, "messages.first")->how == GW_FIELD_TRANSLATED;

    openai_key(w, "messages");
    w->h->write->array(w->w);
    for (size_t i = 0, next; turns != NULL && i < count; i = next) {
        for (next = i + 1; next < count && turns[next].joins;)
            next++;
        const struct run run = { .turns = turns + i, .count = next - i };
        if (bridged && i > 0 && turns[i].role == TURN_USER && role_before(turns, i) == TURN_TOOL)
            write_said(w, GW_LIT("assistant"), GW_LIT("OK."));
        if (user_first && begins(turns, i))
            write_said(w, GW_LIT("user"), GW_LIT("."));
        write_run(w, &run, next == count);
    }
    if (turns != NULL && count > 0)
        end_with_user(w, &turns[count - 1]);
    w->h->write->close(w->w);
}
