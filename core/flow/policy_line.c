/* policy_line.c - what policies did with a request, in its line of the access log. */
#include "flow/policy.h"

#include "money/record.h"

static void put_some(struct json_writer *w, struct text name, struct text value)
{
    if (value.len == 0)
        return;
    json_key_plain(w, name);
    json_put_str(w, value);
}

static void write_calls(const struct script_call *calls, struct json_writer *w)
{
    json_name(w, "calls");
    json_array(w);
    for (; calls != NULL; calls = calls->next) {
        json_object(w);
        put_some(w, TEXT("word"), text_of(calls->word));
        put_some(w, TEXT("what"), text_of(calls->what));
        json_name(w, "ms");
        json_put_int(w, calls->took_ns / 1000000);
        if (calls->status > 0) {
            json_name(w, "status");
            json_put_int(w, calls->status);
        }
        put_some(w, TEXT("error"), text_of(calls->why));
        json_close(w);
    }
    json_close(w);
}

enum part { PART_ALL, PART_DECIDED, PART_BARE }; /* all; without those that decided nothing; without notes as well */

static void write_notes(const struct script_trace *t, struct json_writer *w)
{
    if (t->notes == NULL)
        return;
    json_name(w, "notes");
    json_array(w);
    for (const struct script_note *n = t->notes; n != NULL; n = n->next)
        json_put_str(w, n->text);
    json_close(w);
}

/* `asked`: what the client asked for, where the ledger is written, which has it nowhere else. */
static void write_trace(const struct script_trace *t, struct text asked, enum part part, struct json_writer *w)
{
    json_object(w);
    put_some(w, TEXT("policy"), text_of(t->policy->name));
    put_some(w, TEXT("hook"), text_of(script_hook_name(t->hook)));
    if (t->hook == SCRIPT_ON_ROUTE) {
        json_name(w, "attempt");
        json_put_int(w, t->attempt);
    }
    put_some(w, TEXT("decision"), text_of(t->decision));
    if (t->observed) {
        json_name(w, "observed");
        json_put_bool(w, true);
    }
    put_some(w, TEXT("model"), t->model);
    if (t->hook == SCRIPT_ON_REQUEST && t->model.ptr != NULL)
        put_some(w, TEXT("asked_model"), asked);
    put_some(w, TEXT("at"), t->at);
    put_some(w, TEXT("code"), t->code);
    put_some(w, TEXT("reason"), t->reason);
    put_some(w, TEXT("why"), t->why);
    put_some(w, TEXT("edits"), text_of(t->edits));
    json_name(w, "cpu_us");
    json_put_int(w, t->cpu_ns / 1000);
    if (t->wait_ns > 0) {
        json_name(w, "wait_ms");
        json_put_int(w, t->wait_ns / 1000000);
    }
    if (t->calls != NULL && part == PART_ALL)
        write_calls(t->calls, w);
    if (part != PART_BARE)
        write_notes(t, w);
    json_close(w);
}

static void write_traces(const struct script_request *p, struct text asked, enum part part, struct json_writer *w)
{
    for (const struct script_trace *t = p != NULL ? p->traces : NULL; t != NULL; t = t->next)
        if (part == PART_ALL || t->decision != NULL || (part == PART_DECIDED && t->notes != NULL))
            write_trace(t, asked, part, w);
}

bool policy_has_decided(const struct request *req)
{
    const struct script_trace *t = req->policy != NULL ? req->policy->traces : NULL;
    while (t != NULL && t->decision == NULL && t->notes == NULL)
        t = t->next;
    return t != NULL;
}

/* Absent where it has no room. */
static struct text record_of(struct request *req, enum part part, bool with_choices)
{
    struct text kept = TEXT_NONE;
    struct json_writer w;
    struct buf out;
    buf_init(&out, RECORD_RAW_MOST);
    json_writer_init(&w, &out);
    json_array(&w);
    write_traces(req->policy, req->policy != NULL ? req->policy->asked_model : TEXT_NONE, part, &w);
    if (with_choices)
        choice_write(req, &w);
    json_close(&w);
    if (json_end(&w) == 0)
        kept = arena_text(&req->arena, buf_view(&out));
    buf_free(&out);
    return kept;
}

struct text policy_record(struct request *req)
{
    struct text kept = TEXT_NONE;
    bool traced = req->policy != NULL && req->policy->traces != NULL;
    if (!traced && !choice_is_noted(req))
        return kept;
    for (int more = choice_is_noted(req); more >= 0; more--)
        for (enum part part = PART_ALL; part <= PART_BARE && kept.ptr == NULL && (traced || more > 0); part++)
            kept = record_of(req, part, more > 0);
    return kept;
}

void policy_line(const struct request *req, struct json_writer *w)
{
    const struct script_request *p = req->policy;
    if (p->routed_by != NULL)
        put_some(w, TEXT("asked_model"), p->asked_model);
    if (p->traces == NULL)
        return;
    json_name(w, "policies");
    json_array(w);
    write_traces(p, TEXT_NONE, PART_ALL, w);
    json_close(w);
}
