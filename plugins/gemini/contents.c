/* contents.c - the messages of a chat as Gemini's systemInstruction and contents, in which the roles user and model
 * alternate, and each call of a model's turn has its response in the next one. */
#include "gemini.h"

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_MODEL, ROLE_UNKNOWN };

/* Neighbours of one role; messages of the system may stand between them. */
struct run {
    size_t from, to;
    enum role role;
};

static const gw_json *message_at(const struct gemini_out *o, size_t i)
{
    return o->h->json->at(gemini_get(o->h, o->req->body, "messages"), i);
}

static size_t message_count(const struct gemini_out *o)
{
    return o->h->json->count(gemini_get(o->h, o->req->body, "messages"));
}

static enum role role_at(const struct gemini_out *o, size_t i)
{
    gw_str role = gemini_text(o->h, message_at(o, i), "role");
    if (gemini_is(role, "system") || gemini_is(role, "developer"))
        return ROLE_SYSTEM;
    if (gemini_is(role, "user") || gemini_is(role, "tool"))
        return ROLE_USER;
    return gemini_is(role, "assistant") ? ROLE_MODEL : ROLE_UNKNOWN;
}

/* The next run from `at`; from == to at the end. */
static struct run run_from(const struct gemini_out *o, size_t at)
{
    size_t count = message_count(o);
    while (at < count && role_at(o, at) == ROLE_SYSTEM)
        at++;
    struct run run = { at, at, at < count ? role_at(o, at) : ROLE_UNKNOWN };
    while (run.to < count && (role_at(o, run.to) == run.role || role_at(o, run.to) == ROLE_SYSTEM))
        run.to++;
    return run;
}

static void begin_content(const struct gemini_out *o, const char *role)
{
    o->h->write->object(o->w);
    gemini_str(o, "role", (gw_str){ role, strlen(role) });
    gemini_key(o, "parts");
    o->h->write->array(o->w);
}

static void end_content(const struct gemini_out *o)
{
    o->h->write->close(o->w);
    o->h->write->close(o->w);
}

static void write_text(const struct gemini_out *o, gw_str text)
{
    o->h->write->object(o->w);
    gemini_str(o, "text", text);
    o->h->write->close(o->w);
}

/* The signature that came with a call or, without an id, with the text, from the message's reasoning_details. */
static gw_str detail_of(const struct gemini_out *o, const gw_json *message, gw_str id)
{
    const gw_json *details = gemini_get(o->h, message, "reasoning_details");
    for (size_t i = 0; i < o->h->json->count(details); i++) {
        const gw_json *entry = o->h->json->at(details, i);
        gw_str of = gemini_text(o->h, entry, "id"), data = gemini_text(o->h, entry, "data");
        if (gemini_is(gemini_text(o->h, entry, "format"), GEMINI_FORMAT) && data.len > 0 && of.len == id.len &&
            memcmp(of.len > 0 ? of.ptr : "", id.len > 0 ? id.ptr : "", id.len) == 0)
            return data;
    }
    return (gw_str){ NULL, 0 };
}

static void report_details(const struct gemini_out *o, const gw_json *message)
{
    const gw_json *details = gemini_get(o->h, message, "reasoning_details");
    for (size_t i = 0; i < o->h->json->count(details); i++) {
        gw_str format = gemini_text(o->h, o->h->json->at(details, i), "format");
        if (!gemini_is(format, GEMINI_FORMAT))
            capability_drop(o, GW_LIT("messages.reasoning_details"));
    }
}

/* A call, with the signature without which Gemini 3 refuses it. It may come from another model, or through a client
 * that lost it: then the first call of the message has Google's word for "do not check". */
static gw_status write_call(const struct gemini_out *o, const gw_json *message, const gw_json *call, int first)
{
    const gw_json *function = gemini_get(o->h, call, "function"), *args;
    const gw_json *google = gemini_get(o->h, gemini_get(o->h, call, "extra_content"), "google");
    gw_str id = gemini_text(o->h, call, "id"), given = gemini_text(o->h, function, "arguments");
    gw_str signature = gemini_text(o->h, google, "thought_signature");
    if (gemini_text(o->h, function, "name").len == 0)
        return capability_refuse(o, "messages.tool_calls");
    parts_report(o, call, "id type function extra_content index");
    if (signature.len == 0 && id.len > 0)
        signature = detail_of(o, message, id);
    if (signature.len == 0 && first && settings_has_levels(o->req->model))
        signature = GW_LIT("skip_thought_signature_validator");
    o->h->write->object(o->w);
    gemini_key(o, "functionCall");
    o->h->write->object(o->w);
    gemini_str(o, "name", names_sent(o->h, o->call, gemini_text(o->h, function, "name")));
    gemini_key(o, "args");
    if (o->h->json->parse(o->call, given, &args) == GW_OK && o->h->json->type(args) == GW_JSON_OBJECT) {
        o->h->write->copy(o->w, args);
    } else {
        o->h->write->object(o->w);
        o->h->write->close(o->w);
    }
    if (id.len > 0)
        gemini_str(o, "id", id);
    o->h->write->close(o->w);
    if (signature.len > 0)
        gemini_str(o, "thoughtSignature", signature);
    o->h->write->close(o->w);
    return GW_OK;
}

static gw_status write_reply(struct gemini_out *o, const gw_json *message, size_t *parts)
{
    const gw_json *calls = gemini_get(o->h, message, "tool_calls");
    const gw_json *content = gemini_get(o->h, message, "content");
    gw_str thought = gemini_text(o->h, message, "reasoning_content"), refusal = gemini_text(o->h, message, "refusal");
    gw_str signature = detail_of(o, message, (gw_str){ NULL, 0 });
    gw_status status = GW_OK;
    parts_report(o, message, "role content tool_calls refusal reasoning_content reasoning reasoning_details");
    report_details(o, message);
    if (thought.len == 0)
        thought = gemini_text(o->h, message, "reasoning");
    if (thought.len > 0) {
        o->h->write->object(o->w);
        gemini_str(o, "text", thought);
        gemini_key(o, "thought");
        o->h->write->boolean(o->w, 1);
        o->h->write->close(o->w);
    }
    size_t thoughts = parts_write_thoughts(o, content);
    o->in_reply = 1;
    size_t texts = parts_write(o, content, signature, &status);
    o->in_reply = 0;
    if (refusal.len > 0)
        write_text(o, refusal);
    for (size_t i = 0; i < o->h->json->count(calls) && status == GW_OK; i++)
        status = write_call(o, message, o->h->json->at(calls, i), i == 0);
    if (texts == 0 && signature.len > 0) {
        o->h->write->object(o->w);
        gemini_str(o, "text", GW_LIT(""));
        gemini_str(o, "thoughtSignature", signature);
        o->h->write->close(o->w);
    }
    *parts += texts + thoughts + (thought.len > 0) + (refusal.len > 0) + o->h->json->count(calls) + (signature.len > 0);
    return status;
}

/* A result is an object: JSON of that kind as it is, any other as its output. */
static void write_result(const struct gemini_out *o, const gw_json *message)
{
    gw_str text = parts_text(o, gemini_get(o->h, message, "content"));
    int failed = o->h->json->boolean(gemini_get(o->h, message, "is_error"), 0);
    const gw_json *value = NULL;
    int parsed = text.len > 1 && o->h->json->parse(o->call, text, &value) == GW_OK;
    if (parsed && !failed && o->h->json->type(value) == GW_JSON_OBJECT) {
        o->h->write->copy(o->w, value);
        return;
    }
    o->h->write->object(o->w);
    gemini_key(o, failed ? "error" : "output");
    if (parsed && o->h->json->type(value) == GW_JSON_ARRAY)
        o->h->write->copy(o->w, value);
    else
        o->h->write->str(o->w, text.ptr != NULL ? text : GW_LIT(""));
    o->h->write->close(o->w);
}

/* The tool message of the run that answers call `id`; NULL: none. */
static const gw_json *result_of(const struct gemini_out *o, struct run run, gw_str id)
{
    for (size_t i = run.from; i < run.to; i++) {
        const gw_json *m = message_at(o, i);
        gw_str of = gemini_text(o->h, m, "tool_call_id");
        if (gemini_is(gemini_text(o->h, m, "role"), "tool") && of.len == id.len && id.len > 0 &&
            memcmp(of.ptr, id.ptr, id.len) == 0)
            return m;
    }
    return NULL;
}

/* One response for each call of the model's turn before, in the order of the calls. */
static gw_status write_results(struct gemini_out *o, struct run model, struct run run, size_t *written)
{
    for (size_t i = model.from; i < model.to; i++) {
        const gw_json *calls = gemini_get(o->h, message_at(o, i), "tool_calls");
        for (size_t k = 0; model.role == ROLE_MODEL && k < o->h->json->count(calls); k++) {
            const gw_json *call = o->h->json->at(calls, k);
            gw_str id = gemini_text(o->h, call, "id");
            const gw_json *result = result_of(o, run, id);
            if (result == NULL)
                return capability_refuse(o, "messages.tool_call_id");
            parts_report(o, result, "role content tool_call_id is_error name");
            o->h->write->object(o->w);
            gemini_key(o, "functionResponse");
            o->h->write->object(o->w);
            gemini_str(o, "name",
                       names_sent(o->h, o->call, gemini_text(o->h, gemini_get(o->h, call, "function"), "name")));
            gemini_key(o, "response");
            write_result(o, result);
            gemini_str(o, "id", id);
            o->h->write->close(o->w);
            o->h->write->close(o->w);
            ++*written;
        }
    }
    return GW_OK;
}

static gw_status write_run(struct gemini_out *o, struct run before, struct run run)
{
    size_t parts = 0, results = 0, wanted = 0;
    gw_status status = GW_OK;
    begin_content(o, run.role == ROLE_MODEL ? "model" : "user");
    if (run.role == ROLE_USER)
        status = write_results(o, before, run, &results);
    for (size_t i = run.from; i < run.to && status == GW_OK; i++) {
        const gw_json *m = message_at(o, i), *content = gemini_get(o->h, m, "content");
        int is_tool = gemini_is(gemini_text(o->h, m, "role"), "tool");
        if (role_at(o, i) == ROLE_SYSTEM)
            continue;
        wanted += is_tool != 0;
        if (run.role == ROLE_MODEL) {
            status = write_reply(o, m, &parts);
        } else if (!is_tool) {
            parts_report(o, m, "role content");
            parts += parts_write(o, content, (gw_str){ NULL, 0 }, &status);
        } else if (o->h->json->type(content) == GW_JSON_ARRAY) { /* images of a result stand beside it */
            parts += parts_write_media(o, content, &status);
        }
    }
    if (status == GW_OK && wanted != results)
        status = capability_refuse(o, "messages.tool_call_id");
    if (parts + results == 0)
        write_text(o, GW_LIT(" ")); /* a content without parts is refused */
    end_content(o);
    return status;
}

static gw_status write_system(struct gemini_out *o)
{
    size_t parts = 0, count = message_count(o);
    gw_status status = GW_OK;
    for (size_t i = 0; i < count; i++) {
        if (role_at(o, i) != ROLE_SYSTEM)
            continue;
        if (parts++ == 0) {
            gemini_key(o, "systemInstruction");
            o->h->write->object(o->w);
            gemini_key(o, "parts");
            o->h->write->array(o->w);
        }
        parts_report(o, message_at(o, i), "role content");
        if (parts_write(o, gemini_get(o->h, message_at(o, i), "content"), (gw_str){ NULL, 0 }, &status) == 0)
            write_text(o, GW_LIT(" "));
    }
    if (parts > 0)
        end_content(o);
    return status;
}

gw_status contents_write(struct gemini_out *o)
{
    struct run before = { 0, 0, ROLE_USER }, run = run_from(o, 0);
    gw_status status = write_system(o);
    gemini_key(o, "contents");
    o->h->write->array(o->w);
    if (run.role != ROLE_USER) { /* the first turn is the user's */
        begin_content(o, "user");
        write_text(o, GW_LIT(" "));
        end_content(o);
    }
    for (; status == GW_OK && run.from < run.to; before = run, run = run_from(o, run.to)) {
        if (run.role == ROLE_UNKNOWN)
            return capability_refuse(o, "messages.role");
        status = write_run(o, before, run);
    }
    for (size_t i = before.from; i < before.to && status == GW_OK; i++)
        if (before.role == ROLE_MODEL && o->h->json->count(gemini_get(o->h, message_at(o, i), "tool_calls")) > 0)
            status = capability_refuse(o, "messages.tool_call_id");
    o->h->write->close(o->w);
    return status;
}
