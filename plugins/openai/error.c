/* error.c - reads an error in any of the shapes that compatible services use, and names whose fault it is. */
#include <stdio.h>
#include <string.h>

#include "openai.h"

enum { TEXT_MOST = 2000, PLAIN_MOST = 300 };

/* The content of an error body, in whichever member it is. */
struct told {
    gw_str text, type, code, param;
    const gw_json *body; /* the object that has code and metadata */
};

static bool is_any(gw_str s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (openai_is(s, *words))
            return true;
    return false;
}

static bool has_any(gw_str s, const char *const *parts)
{
    for (; *parts != NULL; parts++)
        if (openai_has(s, *parts))
            return true;
    return false;
}

/* {"detail":[{"loc":["body","x"],"msg":"..."}]} of FastAPI: Mistral, vLLM. */
static void read_detail(const struct reader *r, const gw_json *detail, struct told *told)
{
    const gw_json *first = r->h->json->type(detail) == GW_JSON_ARRAY ? r->h->json->at(detail, 0) : detail;
    const gw_json *place = openai_get(r, first, GW_LIT("loc"));
    size_t depth = r->h->json->count(place);

    told->text = r->h->json->str(first);
    if (told->text.len == 0)
        told->text = openai_str(r, first, GW_LIT("msg"));
    if (told->text.len == 0)
        told->text = openai_str(r, first, GW_LIT("message"));
    if (depth > 0)
        told->param = r->h->json->str(r->h->json->at(place, depth - 1));
}

/* "code" is a string, a number or null; a number is reported as its digits, null as an empty code: there is none, which
 * is not the same as a body that has no such member. */
static gw_str code_of(const struct reader *r, const gw_json *body)
{
    const gw_json *code = openai_get(r, body, GW_LIT("code"));
    uint32_t type = r->h->json->type(code);
    if (type == GW_JSON_NULL)
        return GW_LIT("");
    return type == GW_JSON_INT ? r->h->json->text(code) : r->h->json->str(code);
}

static void read_body(const struct reader *r, const gw_json *body, struct told *told)
{
    const gw_json *message = openai_get(r, body, GW_LIT("message"));

    told->body = body;
    told->text = r->h->json->str(message);
    if (r->h->json->type(message) == GW_JSON_OBJECT)
        read_detail(r, openai_get(r, message, GW_LIT("detail")), told);
    if (told->text.len == 0)
        told->text = openai_str(r, body, GW_LIT("msg"));
    told->type = openai_str(r, body, GW_LIT("type"));
    told->code = code_of(r, body);
    if (openai_str(r, body, GW_LIT("param")).len > 0)
        told->param = openai_str(r, body, GW_LIT("param"));
}

/* At most `most` bytes: cut between characters, and then marked. */
static gw_str shorten(const struct reader *r, gw_str s, size_t most)
{
    const gw_str mark = GW_LIT("...");
    if (s.len <= most)
        return s;
    s.len = most - mark.len;
    while (s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xc0) == 0x80)
        s.len--;
    return openai_join(r->h, r->call, s, mark);
}

/* OpenRouter: "Provider returned error", and the provider's own message beside it. */
static void add_raw(const struct reader *r, struct told *told)
{
    gw_str raw = openai_str(r, openai_get(r, told->body, GW_LIT("metadata")), GW_LIT("raw"));
    if (raw.len == 0 || told->text.len == 0)
        return;
    raw = shorten(r, raw, TEXT_MOST);
    char *both = r->h->alloc(r->call, told->text.len + 2 + raw.len, 1);
    if (both == NULL)
        return;
    memcpy(both, told->text.ptr, told->text.len);
    memcpy(both + told->text.len, ": ", 2);
    memcpy(both + told->text.len + 2, raw.ptr, raw.len);
    told->text = (gw_str){ both, told->text.len + 2 + raw.len };
}

static void read_json(const struct reader *r, const gw_json *root, struct told *told)
{
    if (r->h->json->type(root) == GW_JSON_ARRAY)
        root = r->h->json->at(root, 0);
    const gw_json *error = openai_get(r, root, GW_LIT("error")), *errors = openai_get(r, root, GW_LIT("errors"));

    if (r->h->json->type(error) == GW_JSON_OBJECT) {
        read_body(r, error, told);
    } else if (r->h->json->type(errors) == GW_JSON_ARRAY) {
        read_body(r, r->h->json->at(errors, 0), told);
    } else {
        read_body(r, root, told);
        if (r->h->json->str(error).len > 0) /* xAI, Ollama */
            told->text = r->h->json->str(error);
        else if (told->text.len == 0)
            read_detail(r, openai_get(r, root, GW_LIT("detail")), told);
    }
    add_raw(r, told);
}

/* The title of a page of HTML, or the first line of plain text, if there is something to read. */
static gw_str plain_text(gw_str body)
{
    gw_str text = body;
    for (size_t i = 0; i + 7 <= body.len; i++) {
        if (openai_has((gw_str){ body.ptr + i, 7 }, "<title>")) {
            text = (gw_str){ body.ptr + i + 7, body.len - i - 7 };
            break;
        }
    }
    while (text.len > 0 && (unsigned char)text.ptr[0] <= ' ')
        text = (gw_str){ text.ptr + 1, text.len - 1 };
    size_t len = 0;
    while (len < text.len && len < PLAIN_MOST && (unsigned char)text.ptr[len] >= ' ' && text.ptr[len] != '<' &&
           (unsigned char)text.ptr[len] < 0x7f)
        len++;
    while (len > 0 && text.ptr[len - 1] == ' ')
        len--;
    return (gw_str){ text.ptr, len };
}

/* A body that a program cannot read. */
static void read_plain(const struct reader *r, uint32_t status, struct told *told)
{
    gw_str said = r->frame->data.len > 0 ? plain_text(r->frame->data) : (gw_str){ NULL, 0 };
    char text[PLAIN_MOST + 80];
    int len = snprintf(text, sizeof text, "the upstream answered %u%s%.*s", status,
                       said.len > 0              ? ": "
                       : r->frame->data.len == 0 ? " with an empty body"
                                                 : " with a body that is not JSON",
                       (int)said.len, said.len > 0 ? said.ptr : "");
    told->text = openai_keep(r, (gw_str){ text, (size_t)len });
}

static const char *const quota_words[] = {
    "insufficient_quota",           "billing_hard_limit_reached", "billing_not_active", "insufficient_balance",
    "exceeded_current_quota_error", "access_terminated",          "quota_exceeded",     NULL
};
static const char *const context_words[] = { "context_length_exceeded",   "string_above_max_length",
                                             "too_many_prompt_tokens",    "prompt_too_long",
                                             "exceed_context_size_error", NULL };
static const char *const context_texts[] = { "maximum context length", "max context length",      "prompt is too long",
                                             "prompt too long",        "context_length_exceeded", "exceeds the context",
                                             "exceed context",         "context window",          NULL };
static const char *const filter_words[] = {
    "content_filter",     "content_policy_violation", "ResponsibleAIPolicyViolation",
    "moderation_blocked", "invalid_prompt",           NULL
};
static const char *const auth_words[] = { "invalid_api_key", "authentication_error", "API_KEY_INVALID", NULL };
static const char *const auth_texts[] = { "incorrect api key", "invalid api key", "api key not valid", NULL };
static const char *const rate_words[] = { "rate_limit_exceeded",      "rate_limit_error",  "RateLimitReached",
                                          "rate_limit_reached_error", "too_many_requests", NULL };
static const char *const busy_words[] = { "overloaded_error",
                                          "engine_overloaded_error",
                                          "server_overloaded",
                                          "server_is_overloaded",
                                          "overloaded",
                                          "slow_down",
                                          NULL };
/* 403: the account may not use the model; or nothing is served where the request came from. Else it is the key. */
static const char *const model_words[] = { "model_not_found",
                                           "model_access_denied",
                                           "model_not_available",
                                           "model_permission_blocked_org",
                                           "model_permission_blocked_project",
                                           NULL };
static const char *const model_texts[] = { "from this model",        "this model",       "access to model",
                                           "access to the model",    "access the model", "use the model",
                                           "model is not available", "model is blocked", NULL };
static const char *const region_words[] = { "unsupported_country_region_territory", "request_forbidden", NULL };
static const char *const region_texts[] = { "country, region", "your region", "your country", NULL };
static const char *const server_words[] = { "server_error", "internal_error", "internal_server_error", NULL };

static bool says(const struct told *told, const char *const *words)
{
    return is_any(told->code, words) || is_any(told->type, words);
}

/* The status an error in an answer of 200 meant: given as a number somewhere, or by the kind of its words. */
static uint32_t meant_status(const struct reader *r, const struct told *told)
{
    const gw_json *body = told->body;
    int64_t status = r->h->json->integer(openai_get(r, body, GW_LIT("status_code")), 0);

    if (status < 400)
        status = r->h->json->integer(openai_get(r, body, GW_LIT("status")), 0);
    if (status < 400 && told->code.len == 3 && told->code.ptr[0] >= '4' && told->code.ptr[0] <= '5' &&
        told->code.ptr[1] >= '0' && told->code.ptr[1] <= '9' && told->code.ptr[2] >= '0' && told->code.ptr[2] <= '9')
        status = (told->code.ptr[0] - '0') * 100 + (told->code.ptr[1] - '0') * 10 + (told->code.ptr[2] - '0');
    if (status >= 400 && status <= 599)
        return (uint32_t)status;
    if (says(told, rate_words) || says(told, quota_words))
        return 429;
    if (says(told, auth_words))
        return 401;
    if (says(told, busy_words))
        return 503;
    if (says(told, context_words) || says(told, filter_words) || openai_is(told->type, "invalid_request_error") ||
        openai_starts(told->code, "invalid_") || openai_starts(told->code, "unsupported_"))
        return 400;
    return says(told, server_words) ? 500 : 502;
}

static uint32_t fault_of(const struct reader *r, const struct told *told, uint32_t status)
{
    const gw_json *inner = openai_get(r, told->body, GW_LIT("innererror"));
    const gw_json *reasons = openai_get(r, openai_get(r, told->body, GW_LIT("metadata")), GW_LIT("reasons"));

    if (says(told, quota_words) || status == 402)
        return GW_FAULT_QUOTA;
    if (says(told, context_words) ||
        ((status == 400 || status == 413 || status == 422) && has_any(told->text, context_texts)))
        return GW_FAULT_CONTEXT;
    if (says(told, filter_words) || is_any(openai_str(r, inner, GW_LIT("code")), filter_words) ||
        (status == 403 && r->h->json->count(reasons) > 0)) /* OpenRouter's moderation */
        return GW_FAULT_FILTER;
    if (status == 403 && !says(told, auth_words) &&
        (says(told, model_words) || has_any(told->text, model_texts) || says(told, region_words) ||
         has_any(told->text, region_texts)))
        return GW_FAULT_REQUEST;
    if (status == 401 || status == 403 ||
        (status == 400 && (says(told, auth_words) || has_any(told->text, auth_texts))))
        return GW_FAULT_AUTH;
    if (says(told, busy_words) || status == 503 || status == 529 || status == 498) /* 498: Groq, capacity */
        return GW_FAULT_OVERLOADED;
    if (status == 429)
        return GW_FAULT_RATE_LIMIT;
    if (status == 408 || status == 504 || status == 522 || status == 524) /* 522, 524: Cloudflare */
        return GW_FAULT_TIMEOUT;
    return status >= 500 ? GW_FAULT_SERVER : GW_FAULT_REQUEST;
}

/* What a client acts on beside the text: the call that Groq's model made and that was none, whose error OpenRouter
 * passes on, what Azure's filter found. An object; absent where there is nothing. */
static gw_str more_of(const struct reader *r, const gw_json *body)
{
    static const char *const members[] = { "failed_generation", "metadata", "innererror" };
    enum { MEMBER_MOST = 4000 };
    gw_writer *w = NULL;

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const gw_json *value = openai_get(r, body, openai_lit(members[i]));
        uint32_t type = r->h->json->type(value);
        bool is_str = type == GW_JSON_STR;
        if (!is_str && (type != GW_JSON_OBJECT || r->h->json->text(value).len > MEMBER_MOST))
            continue;
        if (w == NULL) {
            w = r->h->writer(r->call);
            r->h->write->object(w);
        }
        r->h->write->key(w, openai_lit(members[i]));
        if (is_str)
            r->h->write->str(w, shorten(r, r->h->json->str(value), MEMBER_MOST));
        else
            r->h->write->copy(w, value);
    }
    if (w == NULL)
        return (gw_str){ NULL, 0 };
    r->h->write->close(w);
    return r->h->write->end(w) == GW_OK ? r->h->write->text(w) : (gw_str){ NULL, 0 };
}

void openai_error(struct reader *r, const gw_json *root)
{
    struct told told = { .body = NULL };

    r->state->failed = true;
    if (root != NULL)
        read_json(r, root, &told);
    uint32_t status = r->frame->status >= 400 ? r->frame->status : meant_status(r, &told);
    if (told.text.len == 0 && r->state->broken)
        told.text = GW_LIT("the upstream ended its answer with an error and did not say which");
    if (told.text.len == 0)
        read_plain(r, status, &told);
    told.text = shorten(r, told.text, TEXT_MOST);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event),
                                  .type = GW_EVENT_ERROR,
                                  .text = told.text,
                                  .status = status,
                                  .fault = fault_of(r, &told, status),
                                  .data = more_of(r, told.body),
                                  .code = told.code.ptr != NULL ? told.code : told.type,
                                  .param = told.param });
}
